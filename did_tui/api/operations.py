"""Every operation of D-ID's API that this program does, as data: no I/O.

``operation_id`` is the one of the Agents API's own OpenAPI, empty for what D-ID's other documents
have beyond it. The README's table is made of this, and a test goes through it all.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: how it is asked for, the client's method, and where a person finds it.

    ``screen`` is ``chat``, or the name of a list and the keys in it; ``a`` opens a menu.
    """

    method: str
    path: str
    call: str
    command: str
    screen: str = ""
    operation_id: str = ""


def _op(line: str, call: str, command: str, screen: str = "", operation_id: str = "") -> Operation:
    method, _, path = line.partition(" ")
    return Operation(method, path, call, command, screen, operation_id)


OPERATIONS: tuple[Operation, ...] = (
    # The Agents API's own OpenAPI
    _op("GET /agents", "bare_agents", "agents list --bare", "listed-agents", "listmyagents"),
    _op("POST /agents", "create_agent", "agents create", "agents n", "createagent"),
    _op("GET /agents/{id}", "agent", "agents show", "agents d", "getagent"),
    _op("PATCH /agents/{id}", "update_agent", "agents edit", "agents e", "updateagent"),
    _op("DELETE /agents/{id}", "delete_agent", "agents delete", "agents X", "deleteagent"),
    _op(
        "POST /v2/agents/{id}/sessions",
        "create_session",
        "sessions create",
        "sessions n",
        "createsession",
    ),
    _op("GET /agents/{id}/sessions", "sessions", "sessions list", "agents i", "listsessions"),
    _op(
        "GET /agents/{id}/sessions/{session}",
        "session",
        "sessions show",
        "sessions d",
        "getsession",
    ),
    _op("POST /agents/{id}/chat/{chat}", "send_message", "chats say", "chat", "agentchat"),
    _op("GET /knowledge", "knowledge_bases", "knowledge list", "knowledge", "getknowledges"),
    _op(
        "POST /knowledge", "create_knowledge", "knowledge create", "knowledge n", "createknowledge"
    ),
    _op("GET /knowledge/{id}", "knowledge", "knowledge show", "knowledge d", "getknowledge"),
    _op(
        "PATCH /knowledge/{id}",
        "update_knowledge",
        "knowledge edit",
        "knowledge e",
        "updateknowledge",
    ),
    _op(
        "DELETE /knowledge/{id}",
        "delete_knowledge",
        "knowledge delete",
        "knowledge X",
        "deleteknowledge",
    ),
    _op(
        "GET /knowledge/{id}/documents", "documents", "documents list", "documents", "getdocuments"
    ),
    _op(
        "POST /knowledge/{id}/documents",
        "create_document",
        "documents create",
        "documents n",
        "createdocument",
    ),
    _op(
        "GET /knowledge/{id}/documents/{document}",
        "document",
        "documents show",
        "documents d",
        "getdocument",
    ),
    _op(
        "DELETE /knowledge/{id}/documents/{document}",
        "delete_document",
        "documents delete",
        "documents X",
        "deletedocument",
    ),
    # Beyond it: agents
    _op("GET /agents/me", "agent_page", "agents list", "agents"),
    _op("GET /agents/{id}/runtime", "runtime", "agents runtime", "agents a v"),
    _op("GET /agents/{id}/stt-token", "speech_token", "sessions speech-token", "agents a t"),
    _op("POST /agents/webhooks/test", "test_webhook", "agents test-webhook", "agents a w"),
    _op("POST /v2/agents/{id}/sessions/join", "join_session", "sessions join", "sessions a j"),
    # Conversations
    _op("POST /agents/{id}/chat", "create_chat", "chats say", "chat"),
    _op("POST /agents/{id}/chat/{chat}/ratings", "rate", "chat", "chat"),
    _op("PATCH /agents/{id}/chat/{chat}/ratings/{rating}", "rate", "chat", "chat"),
    _op("DELETE /agents/{id}/chat/{chat}/ratings/{rating}", "unrate", "chat", "chat"),
    _op("POST /agents/{id}/chat/{chat}/feedback", "send_feedback", "chat", "chat"),
    _op("POST /agents/{id}/streams", "create_stream", "chat", "chat"),
    _op("POST /agents/{id}/streams/{stream}/sdp", "send_answer", "chat", "chat"),
    _op("POST /agents/{id}/streams/{stream}/ice", "send_candidate", "chat", "chat"),
    _op("POST /agents/{id}/streams/{stream}", "speak", "chat", "chat"),
    _op("DELETE /agents/{id}/streams/{stream}", "delete_stream", "chat", "chat"),
    # Chats as data
    _op("DELETE /agents/{id}/chats", "delete_chats", "chats delete", "agents a x"),
    _op("POST /agents/chats/exports", "start_export", "chats export", "exports n"),
    _op("GET /agents/chats/exports/{export}", "export", "chats show-export", "exports d"),
    _op(
        "DELETE /agents/chats/exports/{export}", "delete_export", "chats delete-export", "exports X"
    ),
    # Knowledge
    _op("POST /knowledge/{id}/query", "query_knowledge", "knowledge query", "knowledge f"),
    _op(
        "GET /knowledge/{id}/documents/{document}/records",
        "records",
        "documents records",
        "records",
    ),
    # Client keys
    _op("GET /agents/{id}/client-keys", "client_keys", "keys list", "client-keys"),
    _op("POST /agents/{id}/client-keys", "create_client_key", "keys create", "client-keys n"),
    _op("PATCH /agents/{id}/client-keys/{key}", "update_client_key", "keys edit", "client-keys e"),
    _op(
        "DELETE /agents/{id}/client-keys/{key}", "delete_client_key", "keys delete", "client-keys X"
    ),
    _op("GET /agents/client-key", "account_key", "keys show-account", "account"),
    _op("POST /agents/client-key", "create_account_key", "keys create-account", "account n"),
    _op("PATCH /agents/client-key", "update_account_key", "keys edit-account", "account e"),
    # Faces and voices
    _op("GET /clips/presenters", "presenters", "presenters list", "presenters"),
    _op("GET /clips/presenters/{presenter}", "presenter", "presenters show", "presenters d"),
    _op(
        "PATCH /clips/presenters/{presenter}", "update_presenter", "presenters edit", "presenters e"
    ),
    _op(
        "DELETE /clips/presenters/{presenter}",
        "delete_presenter",
        "presenters delete",
        "presenters X",
    ),
    _op(
        "GET /clips/presenters/{presenter}/drivers", "drivers", "presenters drivers", "presenters i"
    ),
    _op("GET /expressives/avatars", "expressive_avatars", "avatars list", "avatars"),
    _op("GET /expressives/avatars/{avatar}", "expressive_avatar", "avatars show", "avatars d"),
    _op("GET /scenes/avatars", "scene_avatars", "avatars scenes", "scenes"),
    _op("GET /scenes/avatars/{avatar}", "scene_avatar", "avatars show-scene", "scenes d"),
    _op("POST /scenes/avatars", "create_scene_avatar", "avatars create", "scenes n"),
    _op("DELETE /scenes/avatars/{avatar}", "delete_scene_avatar", "avatars delete", "scenes X"),
    _op("GET /tts/voices", "voices", "voices list", "voices"),
    _op("POST /tts/voices", "clone_voice", "voices clone", "voices n"),
    _op("DELETE /tts/voices/{voice}", "delete_voice", "voices delete", "voices X"),
    _op("POST /images", "upload_image", "files upload", "files n"),
    _op("POST /images/face-detection", "detect_faces", "files faces", "files a f"),
    _op("DELETE /images/{image}", "delete_image", "files delete-image", "files X"),
    _op("POST /audios", "upload_audio", "files upload", "files n"),
    _op("DELETE /audios/{audio}", "delete_audio", "files delete-audio", "files X"),
    # The account
    _op("GET /credits", "credits", "account credits", "account"),
    _op("GET /settings", "settings", "account settings", "account"),
    _op("POST /settings", "update_settings", "account edit-settings", "account e"),
    _op("GET /settings/logo", "logo", "account logo", "account"),
    _op("POST /settings/logo", "upload_logo", "account upload-logo", "account e"),
    _op("DELETE /settings/logo", "delete_logo", "account delete-logo", "account X"),
    _op("GET /secrets", "secrets", "secrets list", "secrets"),
    _op("POST /secrets", "create_secret", "secrets create", "secrets n"),
    _op("GET /secrets/{secret}", "secret", "secrets show", "secrets d"),
    _op("PUT /secrets/{secret}", "update_secret", "secrets edit", "secrets e"),
    _op("DELETE /secrets/{secret}", "delete_secret", "secrets delete", "secrets X"),
)


def markdown() -> str:
    """The README's table: the Agents API's own operations first."""
    head = "| Operation | D-ID's name | Screen | Command |\n|---|---|---|---|\n"
    return head + "".join(
        f"| `{one.method} {one.path}` | {one.operation_id} | {one.screen}"
        f" | `did-tui {one.command}` |\n"
        for one in OPERATIONS
    )
