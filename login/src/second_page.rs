//! The pages of the second factor as HTML.

use crate::page::Page;
use crate::picture;
use crate::second_words::Slip;
use crate::words::Language;
use directory::{Enrolment, SecondFactor};
use maud::{Markup, html};

/// What a page of the second factor asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ask<'a> {
    /// The app's code, after the password.
    Code { half: &'a str, wrong: Option<Slip> },
    /// That an app be told, and show a code.
    Enrol {
        half: &'a str,
        drawn: &'a Enrolment,
        demanded: bool,
        wrong: Option<Slip>,
    },
    /// That spare codes be kept.
    Spare { codes: &'a [String] },
    /// What is to be done with the factor of who is signed in.
    Manage {
        factor: SecondFactor,
        /// Day on which it was set, as people write it.
        since: &'a str,
        wrong: Option<Slip>,
    },
}

impl Ask<'_> {
    pub(crate) fn title(&self, language: Language) -> &'static str {
        let words = language.of_second();
        match self {
            Self::Code { .. } | Self::Manage { .. } => words.name,
            Self::Enrol { .. } => words.set_title,
            Self::Spare { .. } => words.spare_title,
        }
    }

    pub(crate) fn wrong(&self, language: Language) -> Option<String> {
        let slip = match self {
            Self::Code { wrong, .. } | Self::Enrol { wrong, .. } | Self::Manage { wrong, .. } => {
                *wrong
            }
            Self::Spare { .. } => None,
        };
        slip.map(|slip| language.of_second().slip(slip))
    }
}

impl Page<'_> {
    pub(crate) fn second(&self, ask: Ask<'_>) -> Markup {
        match ask {
            Ask::Code { half, wrong } => self.code(half, wrong),
            Ask::Enrol {
                half,
                drawn,
                demanded,
                wrong,
            } => self.enrol(half, drawn, demanded, wrong),
            Ask::Spare { codes } => self.spare(codes),
            Ask::Manage {
                factor,
                since,
                wrong,
            } => self.manage(factor, since, wrong),
        }
    }

    fn hidden(&self, half: Option<&str>) -> Markup {
        html! {
            input type="hidden" name="csrf" value=(self.token);
            input type="hidden" name="next" value=(self.next);
            @if let Some(half) = half {
                input type="hidden" name="half" value=(half);
            }
        }
    }

    fn code_field(&self, wrong: Option<Slip>, focus: bool) -> Markup {
        let words = self.language.of_second();
        let hint = !focus || wrong.is_some();
        html! {
            div.field {
                label for="code" { (words.code) }
                input #code.code name="code" type="text" inputmode="text" autocomplete="one-time-code"
                    autocapitalize="none" spellcheck="false" required maxlength="64"
                    aria-describedby="code-hint" aria-invalid=[wrong.map(|_| "true")]
                    autofocus[focus || hint];
                small #code-hint { (words.code_hint) }
            }
        }
    }

    fn code(&self, half: &str, wrong: Option<Slip>) -> Markup {
        let words = self.language.of_second();
        html! {
            p { (words.code_why) }
            form method="post" action="/login/second/code" {
                (self.hidden(Some(half)))
                (self.code_field(wrong, true))
                button type="submit" { (words.go_on) }
                details {
                    summary { (words.lost) }
                    p { (words.lost_answer) }
                }
            }
        }
    }

    fn enrol(&self, half: &str, drawn: &Enrolment, demanded: bool, wrong: Option<Slip>) -> Markup {
        let words = self.language.of_second();
        html! {
            @if demanded { p { (words.demanded) } }
            ol.steps {
                li { (words.steps[0]) }
                li {
                    (words.steps[1])
                    (picture::code(&drawn.uri(), words.picture))
                    small { (words.by_hand) }
                    code { (drawn.spelled()) }
                }
                li { (words.steps[2]) }
            }
            form method="post" action="/login/second/set" {
                (self.hidden(Some(half)))
                div.field {
                    label for="code" { (words.code) }
                    input #code.code name="code" type="text" inputmode="numeric"
                        autocomplete="one-time-code" required maxlength="16"
                        aria-invalid=[wrong.map(|_| "true")] autofocus[wrong.is_some()];
                }
                button type="submit" { (words.set) }
            }
        }
    }

    fn spare(&self, codes: &[String]) -> Markup {
        let words = self.language.of_second();
        html! {
            p { (words.spare_why) }
            ul.codes { @for code in codes { li { code { (code) } } } }
            a.button href=(self.next) { (words.spare_kept) }
        }
    }

    fn manage(&self, factor: SecondFactor, since: &str, wrong: Option<Slip>) -> Markup {
        let words = self.language.of_second();
        html! {
            @if factor.since.is_none() {
                p { @if factor.demanded { (words.is_due) } @else { (words.is_off) } }
                p { (words.programs) }
                form method="post" action="/login/second" {
                    (self.hidden(None))
                    div.field {
                        label for="password" { (words.password) }
                        input #password name="password" type="password" autocomplete="current-password"
                            required maxlength="1024" aria-invalid=[wrong.map(|_| "true")];
                    }
                    button type="submit" { (words.begin) }
                }
            } @else {
                p {
                    (words.is_on.0) (since) (words.is_on.1) " "
                    (words.left.0) (factor.spare) (words.left.1)
                }
                p { (words.programs) }
                form method="post" action="/login/second/spare" {
                    (self.hidden(None))
                    (self.code_field(wrong, false))
                    button type="submit" { (words.renew) }
                    button.second type="submit" formaction="/login/second/change" { (words.change) }
                    @if !factor.demanded {
                        button.second.bad type="submit" formaction="/login/second/off" { (words.withdraw) }
                    }
                }
            }
            p.away { a href="/" { (words.back) } }
        }
    }
}
