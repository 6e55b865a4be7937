from urllib.parse import quote

from bijou.delivery import cmcd
from bijou.delivery.cmcd import Said
from bijou.delivery.wire import Request

PATH = "/media/ast_1/v360/00001.m4s"


def said(text: str) -> Said:
    return cmcd.read(Request("GET", PATH, {}, query=b"token=t&CMCD=" + quote(text, safe="").encode()))


def test_version_two_is_read_as_hls_js_writes_it() -> None:
    text = 'bl=(12300),br=(700),nor=("00002.m4s?token=k1.3c.ses_1.east"),ot=v,sid="ses_1",v=2'

    found = said(text)

    assert found.session == "ses_1"
    assert found.next_path(PATH) == "/media/ast_1/v360/00002.m4s"


def test_of_several_next_objects_the_first_counts() -> None:
    assert said('nor=("2.m4s" "3.m4s"),sid="s"').next_path(PATH) == "/media/ast_1/v360/2.m4s"


def test_version_one_is_read_too() -> None:
    found = said('nor="..%2Fv720%2F00002.m4s",sid="ses_1"')

    assert (found.session, found.next_path(PATH)) == ("ses_1", "/media/ast_1/v720/00002.m4s")


def test_fields_say_the_same_as_the_query() -> None:
    fields = {b"cmcd-session": b'sid="ses_1",v=2', b"cmcd-request": b'nor=("00002.m4s")'}

    assert cmcd.read(Request("GET", PATH, fields)) == Said("ses_1", "00002.m4s")
