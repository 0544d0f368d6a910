"""Under which name: sender domains, their DNS records, signing keys and signatures."""
