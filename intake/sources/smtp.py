"""Send a mail: the way back through the door by which a message came. It lies beside the mailbox's own end because it is the
same correspondence, not a store; the only file that names smtplib.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Literal

from intake.errors import ConfigError, Refused, ServiceError

TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class Smtp:
    """A server that takes our mail. The connection is always encrypted and the certificate checked; `user` "" = no login."""

    host: str
    port: int = 587
    tls: Literal["tls", "starttls"] = "starttls"
    ca_file: str = ""
    user: str = ""
    secret: Callable[[], str] = str

    def send(self, message: EmailMessage, recipient: str) -> None:
        """Hand one message over, with an empty envelope sender, so that nothing ever comes back (RFC 3834 section 3.3).

        Raises Refused when this recipient is refused for good, ServiceError for what may work later, ConfigError for a login
        or certificate that is wrong.
        """
        with self._told(), self._connected() as server:
            server.send_message(message, from_addr="", to_addrs=[recipient])

    def check(self) -> None:
        """Connect and log in, send nothing. Raises as `send` does."""
        with self._told(), self._connected() as server:
            server.noop()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What goes wrong with the server, as errors of ours."""
        try:
            yield
        except smtplib.SMTPAuthenticationError as error:
            raise ConfigError(f"Der Mailserver {self.host} lehnt die Anmeldung als {self.user} ab. Prüfen Sie [smtp].") from error
        except smtplib.SMTPRecipientsRefused as error:
            code = max(code for code, _ in error.recipients.values())
            raise (Refused if code >= 500 else ServiceError)(f"Der Mailserver nimmt den Empfänger nicht an ({code}).") from error
        except smtplib.SMTPResponseException as error:
            kind = Refused if error.smtp_code >= 500 else ServiceError
            raise kind(f"Der Mailserver nimmt die Nachricht nicht an ({error.smtp_code}).") from error
        except ssl.SSLCertVerificationError as error:
            raise ConfigError(f"Dem Zertifikat von {self.host} wird nicht vertraut ({error.verify_message}). "
                              "Nennen Sie mit ca_file die eigene Zertifizierungsstelle.") from error
        except (OSError, smtplib.SMTPException) as error:
            raise ServiceError(f"Der Mailserver {self.host} ist nicht zu erreichen ({type(error).__name__}); "
                               "es wird später noch einmal versucht.") from error

    def _connected(self) -> smtplib.SMTP:
        context = ssl.create_default_context(cafile=self.ca_file or None)
        if self.tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT, context=context)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT)
        try:
            if self.tls == "starttls":
                server.starttls(context=context)
            if self.user:
                server.login(self.user, self.secret())
        except BaseException:
            server.close()
            raise
        return server
