"""The web room: what people and other systems reach over HTTP. Never imports the engine, the pipeline or a plug-in.

How a screen is added
- a module with `router = APIRouter()`, entered in `SCREENS` of `intake/web/app.py`; with `APIRouter(prefix="/api/v1")` it is
  part of the API (known by token, described in OpenAPI);
- every route declares its rule: `@router.get("/pruefen", dependencies=[needs(Role.POSTSTELLE)])` (`intake/web/rules.py`; a test
  finds routes without one). Handlers are plain `def` and take what they need: `web: WebState` (database, blobs, settings) and
  `user: SignedIn` (`user.viewer` for everything that is read, `user.by` for the journal, `user.tenant` for settings);
- its template extends `base.html` (blocks title, styles, scripts, main_class, content), lies in `templates/`, and is shown by
  `page(request, "name.html", user, ...)`; parts for htmx are files that begin with "_", shown by `fragment("_name.html", user)`;
  after a change `go(request, url, "Abgelegt.")` leads on and says so (also for htmx calls);
- what changes something is a POST. htmx sends the CSRF token by itself (app.js); a plain form has
  `<input type="hidden" name="csrf" value="{{ user.csrf }}">`. Files are sent as the body itself, never as multipart;
- errors are raised (`Refused` 422, `Stale` 409, ...), never answered by hand: a page, a fragment into #meldungen or JSON
  follows by itself. A session that is over is a 401: app.js asks for the password over the page, which stays as it is, and
  sends the event `poststelle:angemeldet` when the call can be repeated;
- scripts and styles are files in `static/`, named in the template by `{{ static('keys.js') }}`: nothing inline (CSP);
  `document.body.dataset.tasten` is "an" or "aus" (letter shortcuts).
- its entry in the navigation stands in `intake/web/menu.py`.
"""
