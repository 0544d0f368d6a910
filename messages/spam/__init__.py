"""Judge whether a message looks like spam: by our rules, and by a scanner where there is one."""
