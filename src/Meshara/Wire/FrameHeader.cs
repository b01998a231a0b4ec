using System.Runtime.InteropServices;

namespace Meshara.Wire;

/// <summary>The six bytes before each payload, spec section 4. An unknown optional type keeps its number and its flags unread.</summary>
/// <param name="Type">The type, bit 7 included.</param>
/// <param name="Flags">Only those the type has; of an unknown optional type whatever was sent.</param>
/// <param name="Length">Bytes of payload.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct FrameHeader(FrameType Type, FrameFlags Flags, int Length);
