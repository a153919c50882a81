"""The ``flask auth`` commands. A running service imports none of these modules."""
