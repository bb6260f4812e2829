"""The routes of everything that an account holds beside agents and conversations."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from did_tui.emulator.calls import Call, Handler
from did_tui.emulator.service import Service
from did_tui.emulator.webhooks import test_webhook

_NOTHING = 204


def resource_routes(service: Service) -> tuple[list[tuple[str, str, Handler]], list[Route]]:
    """The guarded routes, to be matched before ``/agents/{agent}``, and those open to a browser."""
    resources = _Resources(service)
    return resources.table(), resources.open_table()


class _Resources:
    """One method a route."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._library, self._keys = service.library, service.keys
        self._exports, self._catalogue = service.exports, service.catalogue
        self._account, self._sessions = service.account, service.sessions

    def table(self) -> list[tuple[str, str, Handler]]:
        """Verb, path and handler; to be matched before ``/agents/{agent}``."""
        export = "/agents/chats/exports/{export}"
        key = "/agents/{agent}/client-keys/{key}"
        base = "/knowledge/{knowledge}"
        document = f"{base}/documents/{{document}}"
        presenter = "/clips/presenters/{presenter}"
        return [
            ("GET", "/agents/client-key", self.get_account_key),
            ("POST", "/agents/client-key", self.create_account_key),
            ("PATCH", "/agents/client-key", self.change_account_key),
            ("POST", "/agents/webhooks/test", self.test_webhook),
            ("POST", "/agents/chats/exports", self.create_export),
            ("GET", export, self.get_export),
            ("DELETE", export, self.delete_export),
            ("GET", "/agents/{agent}/client-keys", self.list_keys),
            ("POST", "/agents/{agent}/client-keys", self.create_key),
            ("PATCH", key, self.change_key),
            ("DELETE", key, self.delete_key),
            ("GET", "/agents/{agent}/stt-token", self.get_speech_token),
            ("GET", "/agents/{agent}/sessions", self.list_sessions),
            ("GET", "/agents/{agent}/sessions/{session}", self.get_session),
            ("POST", "/v2/agents/{agent}/sessions", self.create_session),
            ("POST", "/v2/agents/{agent}/sessions/join", self.join_session),
            ("GET", "/knowledge", self.list_knowledge),
            ("GET", "/knowledge/", self.list_knowledge),
            ("POST", "/knowledge", self.create_knowledge),
            ("POST", "/knowledge/", self.create_knowledge),
            ("GET", base, self.get_knowledge),
            ("PATCH", base, self.change_knowledge),
            ("DELETE", base, self.delete_knowledge),
            ("POST", f"{base}/query", self.query_knowledge),
            ("GET", f"{base}/documents", self.list_documents),
            ("POST", f"{base}/documents", self.create_document),
            ("GET", document, self.get_document),
            ("DELETE", document, self.delete_document),
            ("GET", f"{document}/records", self.list_records),
            ("GET", "/clips/presenters", self.list_presenters),
            ("GET", presenter, self.get_presenter),
            ("PATCH", presenter, self.change_presenter),
            ("DELETE", presenter, self.delete_presenter),
            ("GET", f"{presenter}/drivers", self.list_drivers),
            ("GET", "/expressives/avatars", self.list_expressives),
            ("GET", "/expressives/avatars/{avatar}", self.get_expressive),
            ("GET", "/scenes/avatars", self.list_avatars),
            ("POST", "/scenes/avatars", self.create_avatar),
            ("GET", "/scenes/avatars/{avatar}", self.get_avatar),
            ("DELETE", "/scenes/avatars/{avatar}", self.delete_avatar),
            ("GET", "/tts/voices", self.list_voices),
            ("POST", "/tts/voices", self.clone_voice),
            ("DELETE", "/tts/voices/{voice}", self.delete_voice),
            ("POST", "/images", self.upload_image),
            ("POST", "/images/face-detection", self.detect_faces),
            ("DELETE", "/images/{file}", self.delete_image),
            ("POST", "/audios", self.upload_audio),
            ("DELETE", "/audios/{file}", self.delete_audio),
            ("GET", "/credits", self.get_credits),
            ("GET", "/settings", self.get_settings),
            ("POST", "/settings", self.change_settings),
            ("GET", "/settings/logo", self.get_logo),
            ("POST", "/settings/logo", self.change_logo),
            ("DELETE", "/settings/logo", self.delete_logo),
            ("GET", "/secrets", self.list_secrets),
            ("POST", "/secrets", self.create_secret),
            ("GET", "/secrets/{secret}", self.get_secret),
            ("PUT", "/secrets/{secret}", self.change_secret),
            ("DELETE", "/secrets/{secret}", self.delete_secret),
        ]

    def open_table(self) -> list[Route]:
        """What a browser shows or fetches without credentials, as from D-ID's own storage."""
        return [
            Route("/emulator/looks/{look}.png", self.look, methods=["GET"]),
            Route("/emulator/voices/{look}.wav", self.sample, methods=["GET"]),
            Route("/emulator/exports/{export}.zip", self.archive, methods=["GET"]),
            Route("/emulator/files/{file}", self.file, methods=["GET"]),
        ]

    # Client keys

    async def get_account_key(self, _call: Call) -> Response:
        return JSONResponse(self._keys.of_account())

    async def create_account_key(self, call: Call) -> Response:
        return JSONResponse(self._keys.create_for_account(call.body), 201)

    async def change_account_key(self, call: Call) -> Response:
        self._keys.update_for_account(call.body)
        return Response(status_code=_NOTHING)

    async def list_keys(self, call: Call) -> Response:
        return JSONResponse(self._keys.of_agent(self._agent(call)))

    async def create_key(self, call: Call) -> Response:
        return JSONResponse(self._keys.create(self._agent(call), call.body), 201)

    async def change_key(self, call: Call) -> Response:
        self._keys.update(call.part("agent"), call.part("key"), call.body)
        return Response(status_code=_NOTHING)

    async def delete_key(self, call: Call) -> Response:
        self._keys.delete(call.part("agent"), call.part("key"))
        return Response(status_code=_NOTHING)

    # Webhooks, exports, speech

    async def test_webhook(self, call: Call) -> Response:
        store, limits = self._service.store, self._service.limits
        tested = test_webhook(store, limits, call.body, from_elsewhere=call.from_elsewhere)
        return JSONResponse(await tested)

    async def create_export(self, call: Call) -> Response:
        return JSONResponse(self._exports.create(call.body))

    async def get_export(self, call: Call) -> Response:
        return JSONResponse(self._exports.get(call.part("export"), call.base))

    async def delete_export(self, call: Call) -> Response:
        return JSONResponse(self._exports.delete(call.part("export"), call.base))

    async def archive(self, request: Request) -> Response:
        """The zip of an export."""
        archive = self._exports.archive(str(request.path_params["export"]))
        return Response(archive, media_type="application/zip")

    async def get_speech_token(self, call: Call) -> Response:
        self._agent(call)
        return JSONResponse(self._sessions.speech_token())

    # Sessions

    async def create_session(self, call: Call) -> Response:
        agent = self._service.agent(call.part("agent"))
        session = self._sessions.create(agent, call.body, call.caller, call.base)
        return JSONResponse(session.view(call.base), 201)

    async def join_session(self, call: Call) -> Response:
        agent = self._service.agent(call.part("agent"))
        return JSONResponse({"id": self._sessions.join(agent, call.body).id}, 201)

    async def list_sessions(self, call: Call) -> Response:
        sessions = self._sessions.of_agent(self._agent(call))
        return JSONResponse([session.view(call.base) for session in sessions])

    async def get_session(self, call: Call) -> Response:
        session = self._sessions.find(self._agent(call), call.part("session"))
        return JSONResponse(session.view(call.base))

    # Knowledge

    async def list_knowledge(self, _call: Call) -> Response:
        return JSONResponse(self._library.bases())

    async def create_knowledge(self, call: Call) -> Response:
        return JSONResponse(self._library.create(call.body))

    async def get_knowledge(self, call: Call) -> Response:
        return JSONResponse(self._library.base(call.part("knowledge")))

    async def change_knowledge(self, call: Call) -> Response:
        return JSONResponse(self._library.update(call.part("knowledge"), call.body))

    async def delete_knowledge(self, call: Call) -> Response:
        return JSONResponse(self._library.delete(call.part("knowledge")))

    async def query_knowledge(self, call: Call) -> Response:
        return JSONResponse(self._library.query(call.part("knowledge"), call.body, call.base))

    async def list_documents(self, call: Call) -> Response:
        return JSONResponse(self._library.documents(call.part("knowledge"), call.base))

    async def create_document(self, call: Call) -> Response:
        knowledge, away = call.part("knowledge"), call.from_elsewhere
        document = self._library.add(knowledge, call.body, call.base, from_elsewhere=away)
        return JSONResponse(document)

    async def get_document(self, call: Call) -> Response:
        knowledge, document = call.part("knowledge"), call.part("document")
        return JSONResponse(self._library.document(knowledge, document, call.base))

    async def delete_document(self, call: Call) -> Response:
        return JSONResponse(self._library.remove(call.part("knowledge"), call.part("document")))

    async def list_records(self, call: Call) -> Response:
        knowledge, document = call.part("knowledge"), call.part("document")
        return JSONResponse(self._library.records(knowledge, document, call.base))

    # Faces

    async def list_presenters(self, call: Call) -> Response:
        return JSONResponse(self._catalogue.presenters(call.query, call.base))

    async def get_presenter(self, call: Call) -> Response:
        return JSONResponse(self._catalogue.presenter(call.part("presenter"), call.base))

    async def change_presenter(self, call: Call) -> Response:
        self._catalogue.update_presenter(call.part("presenter"), call.body)
        return JSONResponse({})

    async def delete_presenter(self, call: Call) -> Response:
        self._catalogue.delete_presenter(call.part("presenter"))
        return JSONResponse({})

    async def list_drivers(self, call: Call) -> Response:
        return JSONResponse(self._catalogue.drivers(call.part("presenter"), call.base))

    async def list_expressives(self, call: Call) -> Response:
        return JSONResponse(self._catalogue.expressives(call.base))

    async def get_expressive(self, call: Call) -> Response:
        return JSONResponse(self._catalogue.expressive(call.part("avatar"), call.base))

    async def list_avatars(self, call: Call) -> Response:
        return JSONResponse(self._catalogue.scenes(call.query))

    async def create_avatar(self, call: Call) -> Response:
        return JSONResponse(self._catalogue.create_scene(call.body), 201)

    async def get_avatar(self, call: Call) -> Response:
        return JSONResponse(self._catalogue.scene(call.part("avatar")))

    async def delete_avatar(self, call: Call) -> Response:
        self._catalogue.delete_scene(call.part("avatar"))
        return Response(status_code=_NOTHING)

    async def look(self, request: Request) -> Response:
        """The picture of a face that an agent can have."""
        picture = await self._service.portrait(str(request.path_params["look"]))
        return Response(picture, media_type="image/png")

    # Voices

    async def list_voices(self, call: Call) -> Response:
        return JSONResponse(self._catalogue.voices(call.query, call.base))

    async def clone_voice(self, call: Call) -> Response:
        return JSONResponse({"voiceId": self._catalogue.clone(call.body, call.files)}, 201)

    async def delete_voice(self, call: Call) -> Response:
        self._catalogue.delete_voice(call.part("voice"))
        return JSONResponse({})

    async def sample(self, request: Request) -> Response:
        """How a voice sounds."""
        sample = await self._catalogue.sample(str(request.path_params["look"]))
        return Response(sample, media_type="audio/wav")

    # Files

    async def upload_image(self, call: Call) -> Response:
        uploaded = self._account.upload(call.files.get("image"), "images", call.base)
        return JSONResponse(uploaded, 201)

    async def delete_image(self, call: Call) -> Response:
        self._account.delete_file(call.part("file"), "images")
        return Response(status_code=_NOTHING)

    async def detect_faces(self, call: Call) -> Response:
        away = call.from_elsewhere
        return JSONResponse(await self._account.detect_faces(call.body, from_elsewhere=away))

    async def upload_audio(self, call: Call) -> Response:
        uploaded = self._account.upload(call.files.get("audio"), "audios", call.base)
        return JSONResponse(uploaded, 201)

    async def delete_audio(self, call: Call) -> Response:
        self._account.delete_file(call.part("file"), "audios")
        return Response(status_code=_NOTHING)

    async def file(self, request: Request) -> Response:
        """A file that was uploaded."""
        content, media_type = self._account.file(str(request.path_params["file"]))
        return Response(content, media_type=media_type)

    # The account

    async def get_credits(self, _call: Call) -> Response:
        return JSONResponse(self._service.credits())

    async def get_settings(self, _call: Call) -> Response:
        return JSONResponse(self._account.settings())

    async def change_settings(self, call: Call) -> Response:
        return JSONResponse(self._account.change_settings(call.body), 201)

    async def get_logo(self, _call: Call) -> Response:
        return JSONResponse(self._account.logo())

    async def change_logo(self, call: Call) -> Response:
        self._account.set_logo(call.body, call.files, call.base)
        return JSONResponse({}, 201)

    async def delete_logo(self, _call: Call) -> Response:
        self._account.delete_logo()
        return Response(status_code=_NOTHING)

    async def list_secrets(self, _call: Call) -> Response:
        return JSONResponse(self._account.secrets())

    async def create_secret(self, call: Call) -> Response:
        return JSONResponse(self._account.create_secret(call.body), 201)

    async def get_secret(self, call: Call) -> Response:
        return JSONResponse(self._account.secret(call.part("secret")))

    async def change_secret(self, call: Call) -> Response:
        return JSONResponse(self._account.change_secret(call.part("secret"), call.body))

    async def delete_secret(self, call: Call) -> Response:
        return JSONResponse(self._account.delete_secret(call.part("secret")))

    def _agent(self, call: Call) -> str:
        """The id in the path, of an agent that exists."""
        return str(self._service.agent(call.part("agent"))["id"])
