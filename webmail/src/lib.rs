//! The webmail's embedded files and their Content-Security-Policy.
