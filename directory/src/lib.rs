//! Knows who may: agencies, domains, accounts, credentials, rights, Access.
