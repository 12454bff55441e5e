//! What people are told, in Vietnamese and in English, from one table by variant.
//!
//! [`told!`](crate::told!) makes an enum of which each variant has both sentences beside it: one without the other does
//! not compile. A sentence names the fields of its variant (`{dir}`); a field that is such an enum itself is said in the
//! same language. `Display` is the English, which logs have.

use std::fmt::{self, Display, Formatter};

/// Between the two languages.
pub const OR: &str = " / ";

/// Vietnamese and English of what is one line in both, as [`Told::in_both`] makes it; twice the same of anything else.
pub fn halves(line: &str) -> (&str, &str) {
    let halves = line.split_once(OR);
    let halves = halves.filter(|(_, english)| !english.contains(OR));
    halves.unwrap_or((line, line))
}

/// A language in which the operator is told something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tongue {
    /// What is said first.
    Vietnamese,
    /// What stands in logs.
    English,
}

/// What can be said in both languages.
pub trait Told {
    /// Writes it. Errors: those of the formatter.
    fn tell(&self, tongue: Tongue, f: &mut Formatter<'_>) -> fmt::Result;

    /// The whole in one language.
    fn in_tongue(&self, tongue: Tongue) -> String {
        In(self, tongue).to_string()
    }

    /// The whole in both languages on one line, once where they are the same.
    fn in_both(&self) -> String {
        let [vietnamese, english] =
            [Tongue::Vietnamese, Tongue::English].map(|tongue| self.in_tongue(tongue));
        match vietnamese == english {
            true => english,
            false => format!("{vietnamese}{OR}{english}"),
        }
    }
}

/// Something in one language, to be written into a sentence.
#[derive(Debug, Clone, Copy)]
pub struct In<'a, T: ?Sized>(pub &'a T, pub Tongue);

impl<T: Told + ?Sized> Display for In<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.tell(self.1, f)
    }
}

/// Names and numbers are the same in both.
macro_rules! as_shown {
    ($($kind:ty),*) => {
        $(impl Told for $kind {
            fn tell(&self, _: Tongue, f: &mut Formatter<'_>) -> fmt::Result {
                Display::fmt(self, f)
            }
        })*
    };
}

as_shown!(
    str,
    String,
    &str,
    u8,
    u32,
    u64,
    usize,
    i64,
    Size,
    crate::AccountId,
    crate::BlobId,
    crate::EmailId
);

/// Octets as people read them, `1,2 GB`: powers of 1,000, one place behind the comma.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

impl Display for Size {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
        let mut unit = 0;
        let mut value = self.0 as f64;
        while value >= 999.95 && unit + 1 < UNITS.len() {
            value /= 1_000.0;
            unit += 1;
        }
        match unit {
            0 => write!(f, "{} B", self.0),
            _ => {
                let value = format!("{value:.1}").replace('.', ",");
                write!(f, "{value} {}", UNITS[unit])
            }
        }
    }
}

/// An enum with what is said of each variant: Vietnamese, then English. See the module.
#[macro_export]
macro_rules! told {
    (
        $(#[$about:meta])*
        $vis:vis enum $name:ident {
            $(
                $(#[$doc:meta])*
                $variant:ident
                $(( $single:ident: $single_kind:ty ))?
                $({ $($field:ident: $kind:ty),* $(,)? })?
                : $vietnamese:literal, $english:literal;
            )*
        }
    ) => {
        $(#[$about])*
        #[allow(missing_docs, reason = "the sentences name the fields")]
        $vis enum $name {
            $(
                $(#[$doc])*
                $variant $(( $single_kind ))? $({ $($field: $kind),* })?,
            )*
        }

        impl $crate::told::Told for $name {
            fn tell(
                &self,
                tongue: $crate::told::Tongue,
                out: &mut ::std::fmt::Formatter<'_>,
            ) -> ::std::fmt::Result {
                match self {
                    $(
                        Self::$variant $(( $single ))? $({ $($field),* })? => {
                            $( let $single = $crate::told::In($single, tongue); )?
                            $( $( let $field = $crate::told::In($field, tongue); )* )?
                            match tongue {
                                $crate::told::Tongue::Vietnamese => write!(out, $vietnamese),
                                $crate::told::Tongue::English => write!(out, $english),
                            }
                        }
                    )*
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, out: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                $crate::told::Told::tell(self, $crate::told::Tongue::English, out)
            }
        }

        #[cfg(test)]
        impl $name {
            /// Both sentences of each variant, as they are in the table.
            pub(crate) const TABLE: &'static [(&'static str, &'static str)] =
                &[$(($vietnamese, $english)),*];
        }
    };
}

/// Both sentences of each row say something, differ, and name the same values.
#[cfg(test)]
pub(crate) fn check_table(table: &[(&str, &str)]) {
    use std::collections::BTreeSet;
    let values = |text: &str| -> BTreeSet<String> {
        let parts = text.split('{').skip(1);
        parts
            .filter_map(|part| part.split_once('}').map(|(name, _)| name.to_owned()))
            .collect()
    };
    for (vietnamese, english) in table {
        assert_eq!(values(vietnamese), values(english), "{english}");
        assert!(!vietnamese.is_empty() && vietnamese != english, "{english}");
        assert!(
            !vietnamese.contains('\n') && !english.contains('\n'),
            "{english}"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::told! {
        #[derive(Debug)]
        enum Outer {
            Plain: "không gì", "nothing";
            One(name: &'static str): "một {name}", "one {name}";
            Many { count: u32, inner: Box<Inner> }: "{count} lần {inner}", "{inner}, {count} times";
        }
    }

    crate::told! {
        #[derive(Debug)]
        enum Inner {
            Cat: "mèo", "cat";
        }
    }

    impl Told for Box<Inner> {
        fn tell(&self, tongue: Tongue, f: &mut Formatter<'_>) -> fmt::Result {
            self.as_ref().tell(tongue, f)
        }
    }

    #[test]
    fn each_language_has_its_words_and_their_values() {
        let check = |said: &Outer, vietnamese: &str, english: &str| {
            assert_eq!(said.in_tongue(Tongue::Vietnamese), vietnamese);
            assert_eq!(said.to_string(), english);
            assert_eq!(said.in_both(), format!("{vietnamese} / {english}"));
        };
        check(&Outer::Plain, "không gì", "nothing");
        check(&Outer::One("x"), "một x", "one x");
        let (count, inner) = (3, Box::new(Inner::Cat));
        check(&Outer::Many { count, inner }, "3 lần mèo", "cat, 3 times");
        assert_eq!("x".in_both(), "x");
        assert_eq!(halves(&Outer::Plain.in_both()), ("không gì", "nothing"));
        assert_eq!(halves("a / b / c"), ("a / b / c", "a / b / c"));
        check_table(Outer::TABLE);
        check_table(Inner::TABLE);
    }

    #[test]
    fn octets_are_short() {
        for (n, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1,0 kB"),
            (999_949, "999,9 kB"),
            (999_950, "1,0 MB"),
            (4_200_000_000, "4,2 GB"),
            (u64::MAX, "18446,7 PB"),
        ] {
            assert_eq!(Size(n).to_string(), text);
        }
    }
}
