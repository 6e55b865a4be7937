"""Which children elements of an MPD may have, in which order, and with which attributes.

Facts of ISO/IEC 23009-1, written down for whatever a manifest of ours may say;
what is not listed is not allowed. Elements of other namespaces come last in
their parent, and are not looked into.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator

NAMESPACE = "{urn:mpeg:dash:schema:mpd:2011}"

_COMMON = (
    "FramePacking AudioChannelConfiguration ContentProtection OutputProtection EssentialProperty"
    " SupplementalProperty InbandEventStream Switching RandomAccess GroupLabel Label ProducerReferenceTime"
    " ContentPopularityRate Resync"
)
_SEGMENTS = "SegmentBase SegmentList SegmentTemplate"
_MANY = "Initialization RepresentationIndex FailoverContent SegmentTimeline BitstreamSwitching"

ORDER = {
    "MPD": "ProgramInformation BaseURL Location PatchLocation ServiceDescription InitializationSet"
    " InitializationGroup InitializationPresentation ContentProtection Period Metrics EssentialProperty"
    " SupplementalProperty UTCTiming LeapSecondInformation",
    "Period": f"BaseURL {_SEGMENTS} AssetIdentifier EventStream ServiceDescription ContentProtection"
    " AdaptationSet Subset SupplementalProperty EmptyAdaptationSet GroupLabel Preselection",
    "AdaptationSet": f"{_COMMON} Accessibility Role Rating Viewpoint ContentComponent BaseURL {_SEGMENTS}"
    " Representation",
    "Representation": f"{_COMMON} BaseURL ExtendedBandwidth SubRepresentation {_SEGMENTS}",
    "SegmentTemplate": _MANY,
    "SegmentList": f"{_MANY} SegmentURL",
    "SegmentTimeline": "Pattern S",
}

_BASE = (
    "profiles width height sar frameRate audioSamplingRate mimeType segmentProfiles codecs containerProfiles"
    " maximumSAPPeriod startWithSAP maxPlayoutRate codingDependency scanType selectionPriority tag"
)
_SEGMENT_BASE = (
    "timescale eptDelta presentationTimeOffset presentationDuration duration startNumber endNumber"
)
_DESCRIPTOR = "schemeIdUri value id"

ATTRIBUTES = {
    "MPD": "id profiles type availabilityStartTime availabilityEndTime publishTime mediaPresentationDuration"
    " minimumUpdatePeriod minBufferTime timeShiftBufferDepth suggestedPresentationDelay maxSegmentDuration"
    " maxSubsegmentDuration",
    "Period": "id start duration bitstreamSwitching",
    "AdaptationSet": f"{_BASE} id group lang contentType par minBandwidth maxBandwidth minWidth maxWidth"
    " minHeight maxHeight minFrameRate maxFrameRate segmentAlignment subsegmentAlignment"
    " subsegmentStartsWithSAP bitstreamSwitching initializationSetRef initializationPrincipal",
    "Representation": f"{_BASE} id bandwidth qualityRanking dependencyId associationId associationType"
    " mediaStreamStructureId",
    "SegmentTemplate": f"{_SEGMENT_BASE} media index initialization bitstreamSwitching",
    "SegmentList": _SEGMENT_BASE,
    "SegmentURL": "media mediaRange index indexRange",
    "Initialization": "sourceURL range",
    "SegmentTimeline": "",
    "S": "t n d r k",
    "Role": _DESCRIPTOR,
    "Accessibility": _DESCRIPTOR,
    "ContentProtection": f"{_DESCRIPTOR} ref refId robustness",
    "EssentialProperty": _DESCRIPTOR,
    "SupplementalProperty": _DESCRIPTOR,
    "AudioChannelConfiguration": _DESCRIPTOR,
    "UTCTiming": _DESCRIPTOR,
    "Label": "id lang",
    "BaseURL": "serviceLocation byteRange availabilityTimeOffset availabilityTimeComplete"
    " timeShiftBufferDepth rangeAccess",
    "Location": "",
    "ProgramInformation": "lang moreInformationURL",
}

REQUIRED = {
    "MPD": "profiles minBufferTime",
    "Representation": "id bandwidth",
    "S": "d",
    "Role": "schemeIdUri",
    "ContentProtection": "schemeIdUri",
    "AudioChannelConfiguration": "schemeIdUri",
}

_ONCE = frozenset(f"{_SEGMENTS} {_MANY} AssetIdentifier LeapSecondInformation OutputProtection".split())


def faults(manifest: str) -> list[str]:
    """Return what a manifest says that the standard does not allow."""
    root = ET.fromstring(manifest)
    if root.tag != f"{NAMESPACE}MPD":
        return [f"the root is {root.tag}"]
    return [fault for element in root.iter() if _ours(element) for fault in _element(element)]


def _ours(element: ET.Element) -> bool:
    return element.tag.startswith(NAMESPACE)


def _element(element: ET.Element) -> Iterator[str]:
    name = element.tag.removeprefix(NAMESPACE)
    if name not in ATTRIBUTES:
        yield f"{name} is not known here"
        return
    said = {attribute for attribute in element.keys() if not attribute.startswith("{")}  # noqa: SIM118
    yield from (f"{name} has no attribute {one}" for one in sorted(said - set(ATTRIBUTES[name].split())))
    yield from (f"{name} lacks {one}" for one in sorted(set(REQUIRED.get(name, "").split()) - said))
    order = ORDER.get(name, "").split()
    children = [child.tag.removeprefix(NAMESPACE) for child in element if _ours(child)]
    yield from (f"{child} stands in {name}" for child in children if child not in order)
    known = [child for child in children if child in order]
    if known != sorted(known, key=order.index):
        yield f"the children of {name} are in the order {', '.join(dict.fromkeys(known))}"
    yield from (f"{name} has {child} twice" for child in _ONCE if known.count(child) > 1)
    foreign = [not _ours(child) for child in element]
    if foreign != sorted(foreign):
        yield f"{name} has an element of another namespace before one of its own"
