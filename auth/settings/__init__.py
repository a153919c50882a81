"""Settings: what may be set, how it is read and judged, and what comes out. Connects to nothing."""
