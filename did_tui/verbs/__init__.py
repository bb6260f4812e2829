"""The second door: every resource from the command line. Data on stdout, talk on stderr."""
