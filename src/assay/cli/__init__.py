"""The command line: one thin module a command; what they do lives in the rooms below."""
