using System.Runtime.CompilerServices;

namespace Xenlet.Net.Tcp;

/// <summary>A block of the SACK option (RFC 2018): data that has arrived, from the start to before the end.</summary>
internal readonly record struct SackBlock(SequenceNumber Start, SequenceNumber End);

/// <summary>The blocks of one option: four fit into a header.</summary>
[InlineArray(Length)]
internal struct SackBlocks
{
    public const int Length = 4;

    private SackBlock _first;
}
