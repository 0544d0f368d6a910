"""Write a letter, given in fields, as a content: values in, bytes out, and no Django."""
