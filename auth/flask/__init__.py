"""Everything that knows Flask: the extension, the guards, the answers, the OpenAPI document, the log."""
