"""D-ID's REST interface, typed. Knows HTTP and nothing of time, media or the screen."""
