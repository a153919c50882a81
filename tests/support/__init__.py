"""What more than one test needs: other programs, services to test, tokens and requests. Holds no test."""
