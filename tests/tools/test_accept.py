"""The accept tool in a request: the choice, the headers, and its settings."""

import json

import cherrypy
import pytest

import cpkit.tools
from cpkit.errors import InvalidOfferError, SettingError, UnknownSettingError

JSON, HTML, TEXT = "application/json", "text/html", "text/plain"


def serve(handler, **config):
    """Mount *handler* at the root."""

    class Root:
        @cherrypy.expose
        def index(self, **params):
            return handler(**params)

    cherrypy.tree.mount(Root(), "/", {"/": config})


def accepted():
    return cherrypy.request.accepted


def negotiating(**settings):
    return {"cpkit.accept.on": True, **{f"cpkit.accept.{key}": settings[key] for key in settings}}


def test_the_choice_is_on_the_request_and_in_content_type(cp_client):
    serve(accepted, **negotiating(media=[JSON, HTML]))
    response = cp_client.get("/", headers={"Accept": "text/html;q=0.1, application/*;q=0.9"})
    assert (response.headers["Content-Type"], response.text) == (JSON, JSON)


def test_without_accept_the_first_offer_is_served(cp_client):
    serve(accepted, **negotiating(media=(JSON, HTML)))
    assert cp_client.get("/").text == JSON


def test_media_may_be_one_string(cp_client):
    serve(accepted, **negotiating(media="application/json"))
    assert cp_client.get("/").text == JSON
    assert cp_client.get("/", headers={"Accept": "text/html"}).status_code == 406


def test_several_field_lines_are_one_field(cp_client):
    serve(accepted, **negotiating(media=[JSON, HTML]))
    lines = [("Accept", "application/json;q=0.1"), ("Accept", "text/html")]
    assert cp_client.get("/", headers=lines).text == HTML


def test_the_decorator_switches_it_on(cp_client):
    class Root:
        @cherrypy.expose
        @cpkit.tools.accept(media=[JSON, HTML])
        def index(self):
            return accepted()

    cherrypy.tree.mount(Root())
    assert cp_client.get("/", headers={"Accept": "text/*"}).text == HTML


def test_a_conf_file_switches_it_on_and_holds_renderers(cp_client, tmp_path):
    class Root:
        @cherrypy.expose
        def index(self):
            return {"a": 1}

        @cherrypy.expose
        def listed(self):
            return accepted()

    conf = tmp_path / "app.conf"
    conf.write_text(
        "[/]\n"
        "cpkit.accept.on = True\n"
        'cpkit.accept.media = {"application/json": json.dumps, "text/plain": str}\n'
        "[/listed]\n"
        'cpkit.accept.media = ["text/html", "application/json"]\n'
    )
    cherrypy.tree.mount(Root(), "/", str(conf))
    assert cp_client.get("/").json() == {"a": 1}
    assert cp_client.get("/", headers={"Accept": "text/plain"}).text == "{'a': 1}"
    assert cp_client.get("/listed", headers={"Accept": "application/*"}).text == JSON


def test_switched_off_below_it_does_nothing(cp_client):
    serve(lambda: "page", **{**negotiating(media=[JSON]), "cpkit.accept.on": False})
    response = cp_client.get("/", headers={"Accept": "image/png"})
    assert (response.status_code, response.headers["Vary"]) == (200, None)


def test_without_media_it_is_refused_when_the_settings_are_checked(cp_client):
    serve(lambda: "page", **negotiating())
    with pytest.raises(
        SettingError, match=r"accept\.media = None .* the tool is on, so media has to be"
    ):
        cp_client.get("/")


def test_406_comes_before_the_body_is_read_and_the_handler_runs(cp_client):
    class Unread:
        def read(self, *size):
            raise AssertionError("the body was read")

        readline = read

    calls = []
    serve(lambda **params: calls.append(params), **negotiating(media=[JSON]))
    environ = {"wsgi.input": Unread(), "CONTENT_LENGTH": "100", "CONTENT_TYPE": "text/plain"}
    response = cp_client.post("/", headers={"Accept": "image/png"}, environ=environ)
    assert (response.status_code, calls) == (406, [])


def test_on_none_first_serves_the_first_offer(cp_client):
    serve(accepted, **negotiating(media=[JSON, HTML], on_none="first"))
    response = cp_client.get("/", headers={"Accept": "image/png"})
    assert (response.status_code, response.text) == (200, JSON)
    assert response.headers["Content-Type"] == JSON


def test_a_malformed_field_is_400_when_strict_and_read_otherwise(cp_client):
    serve(accepted, **negotiating(media=[JSON, HTML], strict=True))
    response = cp_client.get("/", headers={"Accept": "html, text/html"})
    assert response.status_code == 400
    assert "The element 'html' is malformed" in response.text
    assert response.headers["Vary"] == "Accept"
    serve(accepted, **negotiating(media=[JSON, HTML]))
    assert cp_client.get("/", headers={"Accept": "html, text/html"}).text == HTML


@pytest.mark.parametrize("field", ["Accept", "Accept-Language"])
def test_a_field_over_the_limits_is_431(cp_client, field):
    serve(accepted, **negotiating(media=[JSON], languages=["en"]))
    assert cp_client.get("/", headers={field: "a," * 129}).status_code == 431
    assert cp_client.get("/", headers={field: "a" * 500_000}).status_code == 431


def test_a_parameter_of_the_query_overrides_accept(cp_client):
    serve(accepted, **negotiating(media=[HTML, JSON], format_param="format"))
    html = {"Accept": "text/html"}
    assert cp_client.get("/?format=json", headers=html).text == JSON
    assert cp_client.get("/?format=html", headers={"Accept": "image/png"}).text == HTML
    assert cp_client.get("/", headers=html).text == HTML


def test_the_handler_does_not_see_the_parameter_but_sees_the_others(cp_client):
    def handler(**params):
        return json.dumps(params)

    serve(handler, **negotiating(media=[JSON], format_param="as"))
    assert cp_client.get("/?as=json&page=2").json() == {"page": "2"}


@pytest.mark.parametrize("asked", ["csv", "exe", "", "text/html"])
def test_a_format_that_is_not_offered_is_406(cp_client, asked):
    serve(accepted, **negotiating(media=[HTML, JSON], format_param="format"))
    response = cp_client.get(f"/?format={asked}", headers={"Accept": "application/json"})
    assert response.status_code == 406
    assert response.json()["detail"].startswith(f"Your client asked for the format {asked!r}. But")


def test_formats_are_a_map_of_ones_own(cp_client):
    settings = {"format_param": "f", "formats": {"page": HTML}}
    serve(accepted, **negotiating(media=[JSON, HTML], **settings))
    assert cp_client.get("/?f=page").text == HTML
    assert cp_client.get("/?f=html").status_code == 406


def test_no_path_suffix_and_no_parameter_chooses_unless_asked_for(cp_client):
    serve(lambda **params: params["format"], **negotiating(media=[HTML, JSON]))
    response = cp_client.get("/?format=json")
    assert response.headers["Content-Type"].startswith(HTML)
    assert cp_client.get("/index.json").status_code == 404


def test_the_language_is_chosen_and_declared(cp_client):
    settings = negotiating(media=[TEXT], languages=["en", "fr-CA"])
    serve(lambda: cherrypy.request.language, **settings)
    response = cp_client.get("/", headers={"Accept-Language": "fr, en;q=0.5"})
    assert (response.text, response.headers["Content-Language"]) == ("fr-CA", "fr-CA")
    assert response.headers["Vary"] == "Accept, Accept-Language"


def test_no_language_fits_and_the_first_is_served(cp_client):
    serve(lambda: cherrypy.request.language, **negotiating(languages=["en", "fr"]))
    response = cp_client.get("/", headers={"Accept-Language": "de"})
    assert (response.status_code, response.text) == (200, "en")
    assert response.headers["Vary"] == "Accept-Language"


def test_an_error_page_is_not_said_to_be_in_the_language(cp_client):
    def missing():
        raise cherrypy.NotFound()

    serve(missing, **negotiating(languages=["fr"]))
    response = cp_client.get("/")
    assert (response.status_code, response.headers["Content-Language"]) == (404, None)
    assert response.headers["Vary"] == "Accept-Language"


def test_a_404_of_the_dispatcher_is_not_turned_into_a_406(cp_client):
    serve(lambda: "page", **negotiating(media=[JSON]))
    assert cp_client.get("/no/such", headers={"Accept": "image/png"}).status_code == 404


def test_inside_a_handler_it_only_chooses(cp_client):
    def handler():
        return cpkit.tools.accept.callable([HTML, TEXT])

    serve(handler)
    response = cp_client.get("/", headers={"Accept": "text/plain, text/*;q=0.5"})
    assert response.text == TEXT
    assert response.headers["Content-Type"].startswith(HTML)
    assert response.headers["Vary"] == "Accept"


def test_inside_a_handler_it_refuses_too(cp_client):
    def handler(media, **settings):
        return str(cpkit.tools.accept.callable(media and [media], **settings))

    serve(handler)
    refused = cp_client.get("/?media=text/html", headers={"Accept": "image/png"})
    assert (refused.status_code, refused.headers["Vary"]) == (406, "Accept")
    strict = cp_client.get("/?media=text/html&strict=1", headers={"Accept": "html"})
    assert (strict.status_code, strict.headers["Vary"]) == (400, "Accept")
    first = cp_client.get("/?media=text/html&on_none=first", headers={"Accept": "image/png"})
    assert first.text == HTML
    assert cp_client.get("/?media=").text == "None"


def test_debug_logs_the_choice(cp_client, caplog):
    serve(accepted, **negotiating(media=[JSON], debug=True))
    with caplog.at_level("DEBUG", "cherrypy.error"):
        cp_client.get("/", headers={"Accept": "*/*"})
    assert "TOOLS.ACCEPT application/json of ('application/json',) for '*/*'" in caplog.text


def test_the_priority_can_be_set(cp_client):
    seen = []
    hook = {"hooks.on_start_resource": lambda: seen.append(hasattr(cherrypy.request, "accepted"))}
    serve(accepted, **negotiating(media=[JSON], priority=10), **hook)
    cp_client.get("/")
    serve(accepted, **negotiating(media=[JSON], priority=90), **hook)
    cp_client.get("/")
    assert seen == [True, False]


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        pytest.param({"media": ["html"]}, InvalidOfferError, id="media"),
        pytest.param({"media": {"text/*": str}}, InvalidOfferError, id="wildcard"),
        pytest.param({"languages": ["en_US"]}, InvalidOfferError, id="languages"),
        pytest.param({"formats": {"json": "json"}}, InvalidOfferError, id="formats"),
        pytest.param({"on_none": "fist"}, SettingError, id="on_none"),
        pytest.param({"medias": []}, UnknownSettingError, id="misspelt"),
        pytest.param({"media": 5}, SettingError, id="media-kind"),
        pytest.param({"media": {JSON: "dumps"}}, SettingError, id="renderer"),
        pytest.param({"errors": {JSON: "dumps"}}, SettingError, id="errors-renderer"),
        pytest.param({"formats": "json"}, SettingError, id="formats-kind"),
        pytest.param({"media": {JSON, HTML}}, SettingError, id="media-set"),
        pytest.param({"media": iter([JSON])}, SettingError, id="media-iterator"),
        pytest.param({"media": []}, SettingError, id="media-empty"),
        pytest.param({"media": [JSON, "Application/JSON"]}, SettingError, id="media-twice"),
        pytest.param({"media": ['a/b;c="\r\nd: e"']}, InvalidOfferError, id="media-line-break"),
        pytest.param({"languages": {"en", "de"}}, SettingError, id="languages-set"),
        pytest.param({"languages": ["en", "EN"]}, SettingError, id="languages-twice"),
        pytest.param({"errors": json.dumps}, SettingError, id="errors-kind"),
        pytest.param({"errors": {"json": json.dumps}}, InvalidOfferError, id="errors-types"),
        pytest.param({"format_param": format}, SettingError, id="format_param"),
        pytest.param({"strict": "no"}, SettingError, id="strict"),
        pytest.param({"debug": "no"}, SettingError, id="debug"),
        pytest.param({"priority": "high"}, SettingError, id="priority"),
    ],
)
def test_a_wrong_setting_is_refused_where_it_is_declared(settings, error):
    with pytest.raises(error):
        cpkit.tools.accept(**settings)


def test_what_no_start_has_checked_is_refused_by_the_first_request(cp_client):
    serve(accepted, **negotiating(media=iter([JSON])))
    with pytest.raises(SettingError, match="media"):
        cp_client.get("/")


@pytest.mark.parametrize(
    "media",
    [
        pytest.param(["text/html;level=1", "text/html;level=2", HTML], id="parameters"),
        pytest.param({JSON: str}.keys(), id="keys"),
    ],
)
def test_unlike_offers_in_an_order_are_taken(media):
    cpkit.tools.accept(media=media)


def test_an_argument_must_be_named():
    with pytest.raises(TypeError, match="keyword"):
        cpkit.tools.accept([JSON])


@pytest.mark.parametrize("value", ["406", 406], ids=["str", "int"])
def test_on_none_may_be_a_number(cp_client, value):
    serve(accepted, **negotiating(media=[JSON], on_none=value))
    assert cp_client.get("/", headers={"Accept": "image/png"}).status_code == 406


@pytest.mark.parametrize("media", [[HTML], {HTML: None}])
def test_offers_that_are_changed_in_place_are_heeded(cp_client, media):
    serve(accepted, **negotiating(media=media))
    asked = {"Accept": "application/json, text/html;q=0.5"}
    before = cp_client.get("/", headers=asked).text
    media.append(JSON) if isinstance(media, list) else media.setdefault(JSON, str)
    assert [before, cp_client.get("/", headers=asked).text] == [HTML, JSON]
