"""What a researcher shows: the report on a folder of results, with pictures."""
