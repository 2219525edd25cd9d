//! What the texts are drawn from.

pub(super) const WORDS: &[&str] = &[
    "accepted",
    "user",
    "session",
    "order",
    "shipped",
    "cache",
    "miss",
    "retry",
    "upstream",
    "timed",
    "out",
    "größe=12",
    "path=C:\\data\\in",
    "\"quoted value\"",
    "naïve",
    "日本語",
    "ключ=значение",
    "a\tb",
    "<tag attr=1>",
    "x&y",
    "it's",
    "100%",
    "{brace}",
    "[list, of]",
    "k=v",
    "état",
    "🙂",
    "\\n-is-not-a-newline",
    "trace",
    "db.query",
    "rows=42",
    "done",
];
pub(super) const LEVELS: &[&str] = &["INFO ", "WARN ", "DEBUG", "ERROR"];
pub(super) const METHODS: &[&str] = &["GET", "GET", "GET", "POST", "PUT", "DELETE"];
pub(super) const PATHS: &[&str] =
    &["/", "/api/v1/orders", "/api/v1/users/me", "/static/app.js", "/login", "/search?q=caf\u{e9}", "/healthz"];
pub(super) const AGENTS: &[&str] = &["curl/8.5.0", "Mozilla/5.0 (X11)", "kube-probe/1.33", "Go-http-client/2.0"];

/// Paths of one length. Some are neighbours of `/healthcheck`: who drops the probes must not drop them.
pub(super) const ROUTES: &[&str] =
    &["/v1/orders/9", "/v1/cart/777", "/static/a.js", "/healthcheck", "/healthchecs", "/xhealthchec"];
/// User agents as nginx writes them: what is not ASCII, and quotes, as `\xHH`.
pub(super) const FORMS: &[&str] =
    &["curl/8.5.0", "Mozilla/5.0 (X11)", "caf\\xC3\\xA9/1.0", "say \\x22hi\\x22", "Go-http-client/2.0"];
/// Words of a query: nothing that any log or URI escapes.
pub(super) const QUERY: &[&str] = &["shoes", "red", "size-42", "page_2", "sort", "price", "new", "sale", "x"];
pub(super) const CAUSES: &[&str] = &["java.lang.IllegalState", "java.io.IO", "com.example.shop.Order", "java.sql.SQL"];
pub(super) const CALLS: &[&str] =
    &["OrderService.place", "Basket.total", "db.Pool.borrow", "web.Filter.doFilter", "Main$1.run", "Retry.call"];
