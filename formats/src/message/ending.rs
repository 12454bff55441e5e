//! The ending of a file's name, by which systems choose what opens it; and the endings that a media type stands for.

use super::part::is_shown;
use unicode_normalization::UnicodeNormalization;

/// The ending as every system reads it, in lower case, without the dot. `None`: there is none.
///
/// Of a path it is the last name's. Wide and other compatible forms of letters count as the letters (systems fold them when
/// they have none of their own), what is not shown as absent; and nothing behind the last letter or digit, such as dots and
/// blanks, which Windows leaves out.
#[must_use]
pub fn ending(name: &str) -> Option<String> {
    let plain = plain(name);
    ending_of(plain.rsplit(['/', '\\']).next().unwrap_or_default())
}

/// The endings of all files that the name may come to mean: of each step of a path, and of what stands before a colon,
/// behind which Windows sees a stream of the file.
pub fn endings(name: &str) -> impl Iterator<Item = String> {
    let plain = plain(name);
    let pieces = plain.split(['/', '\\', ':', '\0']).map(ending_of);
    let found: Vec<String> = pieces.flatten().collect();
    found.into_iter()
}

/// The endings of what stands before a colon in the last step of a path; none where there is no colon.
pub fn endings_of_streams(name: &str) -> impl Iterator<Item = String> {
    let plain = plain(name);
    let last = plain.rsplit(['/', '\\']).next().unwrap_or_default();
    let before = last.rsplit_once(':').map(|(before, _)| before);
    let pieces = before.into_iter().flat_map(|before| before.split(':'));
    let found: Vec<String> = pieces.filter_map(ending_of).collect();
    found.into_iter()
}

fn plain(name: &str) -> String {
    let shown = name.chars().filter(|c| *c == '\0' || is_shown(*c));
    let folded = shown.nfkc().flat_map(char::to_lowercase);
    // The full stops of other scripts, which some systems fold too.
    folded.map(|c| if c == '。' { '.' } else { c }).collect()
}

fn ending_of(name: &str) -> Option<String> {
    let name = name.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '_');
    let (_, ending) = name.rsplit_once('.')?;
    (!ending.is_empty()).then(|| ending.to_owned())
}

/// Media types whose subtype is not the ending of the files, with the endings.
const MEDIA: &[(&str, &[&str])] = &[
    ("application/ecmascript", &["js", "mjs"]),
    ("application/gzip", &["gz", "tgz"]),
    ("application/hta", &["hta"]),
    ("application/java-archive", &["jar"]),
    ("application/javascript", &["js", "mjs"]),
    ("application/ms-tnef", &["dat"]),
    ("application/msword", &["doc"]),
    ("application/octet-stream", &["bin"]),
    ("application/vnd.android.package-archive", &["apk"]),
    ("application/vnd.microsoft.portable-executable", EXECUTABLE),
    ("application/vnd.ms-cab-compressed", &["cab"]),
    ("application/vnd.ms-excel", &["xls"]),
    ("application/vnd.ms-excel.sheet.macroenabled.12", &["xlsm"]),
    ("application/vnd.ms-htmlhelp", &["chm"]),
    ("application/vnd.ms-powerpoint", &["ppt"]),
    (
        "application/vnd.ms-powerpoint.presentation.macroenabled.12",
        &["pptm"],
    ),
    (
        "application/vnd.ms-word.document.macroenabled.12",
        &["docm"],
    ),
    ("application/vnd.oasis.opendocument.presentation", &["odp"]),
    ("application/vnd.oasis.opendocument.spreadsheet", &["ods"]),
    ("application/vnd.oasis.opendocument.text", &["odt"]),
    (
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        &["pptx"],
    ),
    (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        &["xlsx"],
    ),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        &["docx"],
    ),
    ("application/vnd.rar", &["rar"]),
    ("application/winhlp", &["hlp"]),
    ("application/x-apple-diskimage", &["dmg"]),
    ("application/x-bat", &["bat", "cmd"]),
    ("application/x-cd-image", &["iso", "img"]),
    ("application/x-dosexec", EXECUTABLE),
    ("application/x-executable", EXECUTABLE),
    ("application/x-gzip", &["gz", "tgz"]),
    ("application/x-iso9660-image", &["iso", "img"]),
    ("application/x-java-archive", &["jar"]),
    ("application/x-javascript", &["js", "mjs"]),
    ("application/x-ms-dos-executable", EXECUTABLE),
    ("application/x-ms-installer", &["msi"]),
    ("application/x-ms-shortcut", &["lnk"]),
    ("application/x-msdos-program", EXECUTABLE),
    ("application/x-msdownload", EXECUTABLE),
    ("application/x-msi", &["msi"]),
    ("application/x-perl", &["pl"]),
    ("application/x-powershell", &["ps1"]),
    ("application/x-python", &["py"]),
    ("application/x-python-code", &["py", "pyc"]),
    ("application/x-rar-compressed", &["rar"]),
    ("application/x-sh", &["sh"]),
    ("application/x-shellscript", &["sh"]),
    ("application/x-shockwave-flash", &["swf"]),
    ("application/x-vbscript", &["vbs", "vbe"]),
    ("application/x-winexe", EXECUTABLE),
    ("application/x-zip-compressed", &["zip"]),
    ("application/xhtml+xml", &["xhtml", "xht", "html"]),
    ("image/jpeg", &["jpg", "jpeg", "jpe"]),
    ("image/pjpeg", &["jpg", "jpeg"]),
    ("image/svg+xml", &["svg", "svgz"]),
    ("image/tiff", &["tif", "tiff"]),
    ("text/calendar", &["ics"]),
    ("text/ecmascript", &["js", "mjs"]),
    ("text/html", &["html", "htm"]),
    ("text/javascript", &["js", "mjs"]),
    ("text/plain", &["txt"]),
    ("text/scriptlet", &["sct", "wsc"]),
    ("text/vbscript", &["vbs", "vbe"]),
    ("text/x-sh", &["sh"]),
    ("text/x-vcard", &["vcf"]),
    ("text/vcard", &["vcf"]),
];

/// What the media types of programs for Windows stand for.
const EXECUTABLE: &[&str] = &["exe", "dll", "com", "scr", "sys", "bat", "cpl", "ocx"];

/// The endings that programs may give a file of this media type (lower-case `type/subtype`): the subtype itself, without
/// its `x-`, and those that are known of it.
pub fn of_media(media: &str) -> impl Iterator<Item = &str> {
    let subtype = media.split_once('/').map_or(media, |(_, subtype)| subtype);
    let known = MEDIA.iter().find(|(name, _)| *name == media);
    let known = known.into_iter().flat_map(|(_, endings)| *endings).copied();
    let bare = subtype.strip_prefix("x-");
    std::iter::once(subtype).chain(bare).chain(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_read_as_systems_read_them() {
        let check = |name: &str, expected: Option<&str>| {
            assert_eq!(ending(name).as_deref(), expected, "{name:?}");
        };
        check("a.exe", Some("exe"));
        check("Báo cáo.PDF", Some("pdf"));
        for name in [
            "a.exe.",
            "a.exe ..",
            "a.exe\u{a0}",
            "a.exe\"",
            "a.exe\u{200b}",
            "a.e\u{202e}xe",
        ] {
            check(name, Some("exe"));
        }
        check("a.ｅxe", Some("exe"));
        check("a．exe", Some("exe"));
        check("a。exe", Some("exe"));
        check("a.e\u{0}xe", Some("e\u{0}xe"));
        check("C:\\dir.x\\bao cao", None);
        check("x/a.pdf", Some("pdf"));
        check("không đuôi", None);
        check("...", None);
        check("", None);
    }

    #[test]
    fn all_files_that_a_name_may_mean_are_looked_at() {
        let check = |name: &str, expected: &[&str]| {
            let found: Vec<String> = endings(name).collect();
            assert_eq!(found, expected, "{name:?}");
        };
        check("a.exe:x", &["exe"]);
        check("a.exe:x.pdf", &["exe", "pdf"]);
        check("a.exe\0.pdf", &["exe", "pdf"]);
        check("a.exe/b.pdf", &["exe", "pdf"]);
        check("a.pdf", &["pdf"]);
        let streams: Vec<String> = endings_of_streams("v1.2/a.exe:x.pdf").collect();
        assert_eq!(streams, ["exe"]);
        assert_eq!(endings_of_streams("a.pdf").count(), 0);
    }

    #[test]
    fn media_stand_for_endings() {
        let check = |media: &str, ending: &str, expected: bool| {
            assert_eq!(
                of_media(media).any(|e| e == ending),
                expected,
                "{media} {ending}"
            );
        };
        check("application/x-msdownload", "exe", true);
        check("application/x-msdownload", "msdownload", true);
        check("application/pdf", "pdf", true);
        check("application/x-lnk", "lnk", true);
        check("image/jpeg", "jpg", true);
        check("application/pdf", "exe", false);
        check("odd", "odd", true);
        for (n, (media, _)) in MEDIA.iter().enumerate() {
            assert!(
                !MEDIA[..n].iter().any(|(other, _)| other == media),
                "{media} twice"
            );
        }
    }
}
