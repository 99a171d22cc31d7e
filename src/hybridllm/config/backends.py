"""From one table of the configuration to a backend.

Answers: is this backend sound, and what does it consist of?
Not here: what backends do (`backends`), which requests they may see (`policy`).

An on-premises backend must say in which networks it is; "on the premises" that
nobody can check is not believed. Settings that contradict each other are errors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from hybridllm.addresses import DeclaredNetworks
from hybridllm.backends.openai_compatible import OpenAICompatibleBackend
from hybridllm.backends.providers import PROVIDERS, Provider
from hybridllm.backends.settings import BaseUrl, HttpSettings
from hybridllm.errors import ConfigurationError
from hybridllm.params import ENDPOINTS, ENGINE_CONTROLS, PROVIDER_TOOLS, ParameterKind
from hybridllm.policy.load import build_destination, build_label, require
from hybridllm.types import Place

if TYPE_CHECKING:
    from pathlib import Path

    from hybridllm.labels import Scale
    from hybridllm.policy.model import Destination
    from hybridllm.policy.schema import BackendConfig
    from hybridllm.wire import Backend

_IN_PROCESS_ENDPOINTS = frozenset(ENDPOINTS)
_GUARDED = frozenset({ParameterKind.EGRESS, ParameterKind.RETENTION})
_HTTP_ONLY = ("base_url", "api_key_env", "ca_file", "proxy", "networks")
_IN_PROCESS_ONLY = ("model_path", "max_model_len")


@dataclass(frozen=True, slots=True)
class BuiltBackend:
    """A backend with what the policy knows of it.

    Attributes:
        backend: Sends.
        destination: For the policy.
        defaults: By endpoint, fields that are sent unless the caller sets them.
    """

    backend: Backend
    destination: Destination
    defaults: Mapping[str, Mapping[str, object]]


def build_backend(
    name: str,
    *,
    config: BackendConfig,
    scale: Scale,
    environment: Mapping[str, str],
    file: str,
    folder: Path,
    stand_in: Callable[[str, Place], Backend] | None = None,
) -> BuiltBackend:
    """Return a backend, checked.

    Args:
        name: Its key.
        config: Its table.
        scale: Levels and compartments.
        environment: Where its key is looked up.
        file: Configuration file, for errors.
        folder: Where relative paths start.
        stand_in: For tests: returns what stands in the place of the real backend.

    Raises:
        ConfigurationError: A setting is missing, wrong, or contradicts another.
    """
    check = _Check(f"backends.{name}", config, file)
    place = Place(config.place)
    check.fits_place(place)
    require(config.provider, allowed=PROVIDERS, file=file, key=f"{check.key}.provider")
    provider = PROVIDERS[config.provider]
    in_process = place is Place.IN_PROCESS
    served = _IN_PROCESS_ENDPOINTS if in_process else provider.endpoints
    local = in_process or (place is Place.ON_PREMISES)
    destination = build_destination(
        name,
        place=place,
        clearance=build_label(scale, config.clearance, file=file, key=f"{check.key}.clearance"),
        endpoints=check.endpoints(served),
        parameters=check.parameters() | (ENGINE_CONTROLS if local else frozenset()),
        data_residency=config.data_residency,
    )
    if stand_in is not None:
        defaults = _defaults(provider, place=place)
        return BuiltBackend(stand_in(name, place), destination, defaults)
    if in_process:
        return BuiltBackend(_in_process(name, config, folder=folder), destination, {})
    settings = check.http_settings(
        name, place=place, provider=provider, environment=environment, folder=folder
    )
    backend = OpenAICompatibleBackend(name, place=place, provider=provider, settings=settings)
    return BuiltBackend(backend, destination, _defaults(provider, place=place))


@dataclass(frozen=True, slots=True)
class _Check:
    """Checks one table; every error names the file and the key."""

    key: str
    config: BackendConfig
    file: str

    def fail(self, key: str, message: str) -> ConfigurationError:
        return ConfigurationError(message, file=self.file, key=f"{self.key}.{key}")

    def fits_place(self, place: Place) -> None:
        """Refuse settings that mean nothing for this place."""
        foreign = _HTTP_ONLY if place is Place.IN_PROCESS else _IN_PROCESS_ONLY
        for key in foreign:
            if getattr(self.config, key):
                raise self.fail(key, f"contradicts place = {place.value!r}; remove one of them")
        if place is Place.IN_PROCESS and not self.config.model_path:
            raise self.fail("model_path", "is missing; it names the folder of the model")
        if place is Place.ON_PREMISES and self.config.proxy:
            raise self.fail(
                "proxy", "contradicts place = 'on_premises': a proxy sees everything. Remove it"
            )
        if self.config.proxy and self.config.networks:
            raise self.fail(
                "networks",
                "contradicts 'proxy': only the proxy's address can be judged. Remove one of them",
            )
        if place is Place.ON_PREMISES and not self.config.networks:
            raise self.fail(
                "networks",
                "is missing. An on-premises backend says in which networks it is, such as "
                '["127.0.0.0/8"] or ["10.20.0.0/16"], and is refused when it is elsewhere',
            )

    def endpoints(self, served: frozenset[str]) -> frozenset[str]:
        """Return the operations that the backend serves."""
        if self.config.endpoints is None:
            return served
        for position, endpoint in enumerate(self.config.endpoints):
            key = f"{self.key}.endpoints[{position}]"
            require(endpoint, allowed=ENDPOINTS, file=self.file, key=key)
        return frozenset(self.config.endpoints)

    def parameters(self) -> frozenset[str]:
        """Return the egress and retention parameters that the backend may receive."""
        known = {
            name
            for endpoint in ENDPOINTS.values()
            for name, kind in endpoint.ledger.items()
            if kind in _GUARDED
        }
        known |= {f"tools.{kind}" for kind in PROVIDER_TOOLS}
        for position, name in enumerate(self.config.parameters):
            key = f"{self.key}.parameters[{position}]"
            require(name, allowed=known, file=self.file, key=key)
        return frozenset(self.config.parameters)

    def http_settings(
        self,
        name: str,
        *,
        place: Place,
        provider: Provider,
        environment: Mapping[str, str],
        folder: Path,
    ) -> HttpSettings:
        """Return how the backend is reached."""
        config = self.config
        text = config.base_url or provider.base_url
        if text is None:
            raise self.fail(
                "base_url", f"is missing. Add it; provider {provider.name!r} has no default"
            )
        base_url = self._url("base_url", text)
        if place is Place.CLOUD and base_url.scheme == "http" and not _is_loopback(base_url.host):
            raise self.fail("base_url", "is not encrypted; a cloud backend needs https://")
        ca_file = None if config.ca_file is None else str(folder / config.ca_file)
        if ca_file is not None and not (folder / ca_file).is_file():
            raise self.fail("ca_file", f"is {config.ca_file!r}, which does not exist. Give a file")
        return HttpSettings(
            base_url=base_url,
            declared=self._declared(name, place=place),
            api_key=self._api_key(environment),
            ca_file=ca_file,
            proxy=None if config.proxy is None else self._url("proxy", config.proxy),
            max_connections=config.max_connections,
            connect_timeout_s=config.connect_timeout_s,
        )

    def _url(self, key: str, text: str) -> BaseUrl:
        try:
            return BaseUrl.parse(text)
        except ValueError as error:
            raise self.fail(key, str(error)) from None

    def _declared(self, name: str, *, place: Place) -> DeclaredNetworks:
        if place is Place.CLOUD and not self.config.networks:
            return DeclaredNetworks(name, None)
        for position, network in enumerate(self.config.networks):
            try:
                declared = DeclaredNetworks.of(name, networks=[network])
            except ValueError:
                raise self.fail(
                    f"networks[{position}]", f"is {network!r}; expected such as '10.20.0.0/16'"
                ) from None
            if place is Place.ON_PREMISES and not _is_private(declared):
                raise self.fail(
                    f"networks[{position}]",
                    f"is {network!r}, which holds public addresses; write single ones as /32",
                )
        return DeclaredNetworks.of(name, networks=self.config.networks)

    def _api_key(self, environment: Mapping[str, str]) -> str | None:
        variable = self.config.api_key_env
        if variable is None:
            return None
        value = environment.get(variable, "")
        if not value:
            raise self.fail(
                "api_key_env", f"names the variable {variable}, which is not set. Set it"
            )
        if not (value.isascii() and value.isprintable()) or " " in value:
            raise self.fail("api_key_env", f"the variable {variable} holds no valid key")
        return value


def _defaults(provider: Provider, *, place: Place) -> Mapping[str, Mapping[str, object]]:
    """Return what is sent unless the caller sets it.

    The Responses API stores by default, so every cloud is told not to.
    """
    if place is not Place.CLOUD:
        return provider.defaults
    return {"responses": {"store": False}, **provider.defaults}


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_private(declared: DeclaredNetworks) -> bool:
    """Return whether a network is private, or a single address that somebody meant."""
    return all(
        network.is_private or network.is_loopback or network.num_addresses == 1
        for network in declared.networks or ()
    )


def _in_process(name: str, config: BackendConfig, *, folder: Path) -> Backend:
    from hybridllm.backends.in_process import InProcessBackend

    return InProcessBackend(
        name=name,
        model_path=folder / str(config.model_path),
        device=config.device,
        dtype=config.dtype,
        max_batch=config.max_batch,
        max_model_len=config.max_model_len,
    )
