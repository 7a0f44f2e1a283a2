"""Set-up: lay down the files of a governed repository, and check one."""
