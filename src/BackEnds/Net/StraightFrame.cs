using Xenlet.Drivers;
using Xenlet.Drivers.Net;
using Xenlet.Kernel;
using Xenlet.Net;
using Xenlet.Net.Wire;

namespace Xenlet.BackEnds.Net;

/// <summary>
/// A large frame of TCP that is still in its sender's pages, from which Xen may copy it straight into a receiver's. Its head is here: what
/// was decided about it was decided by the head, which nobody changes, and it is the head that arrives.
/// </summary>
internal readonly ref struct StraightFrame
{
    /// <summary>
    /// The most bytes of a head. The longest headers of Ethernet, IPv4 and TCP have 134; Linux takes the first 256 bytes of a frame to its
    /// headers, and up to here its front end accepts one slot more.
    /// </summary>
    public const int MostHead = 256;

    /// <summary>
    /// The shortest frame, in bytes: for smaller ones both ways take about as many operations, and this one more hypercalls.
    /// </summary>
    public const int LeastLength = 4 * NetProtocol.PageSize;

    /// <summary>The most parts, of which each fills one slot of the receiver: XEN_NETIF_NR_SLOTS_MIN.</summary>
    public const int MostParts = TransmitChain.MaximumSlots;

    private const int LeastHeaders = EthernetHeader.Size + 20 + 20;

    private readonly TransmitChain _chain;

    /// <summary>Creates one.</summary>
    /// <param name="chain">The sender's requests.</param>
    /// <param name="domain">The sender's domain.</param>
    /// <param name="head">The frame's first bytes, all headers among them.</param>
    public StraightFrame(TransmitChain chain, ushort domain, ReadOnlySpan<byte> head)
    {
        _chain = chain;
        Domain = domain;
        Head = head;
    }

    /// <summary>Its length, in bytes.</summary>
    public int Length => _chain.Length;

    /// <summary>What the receiver may cut it into.</summary>
    public SegmentKind SegmentKind => _chain.SegmentKind;

    /// <summary>Bytes of data in each segment.</summary>
    public int SegmentSize => _chain.SegmentSize;

    /// <summary>The frame's first bytes.</summary>
    public ReadOnlySpan<byte> Head { get; }

    /// <summary>The sender's domain.</summary>
    public ushort Domain { get; }

    /// <summary>
    /// How many bytes the head of a chain has; 0 if the chain is to be copied as a whole. The first slot alone has the headers of most
    /// senders.
    /// </summary>
    public static int HeadLengthOf(TransmitChain chain) =>
        chain.Length < LeastLength || chain.SegmentSize == 0 || !chain.IsChecksumBlank ? 0
        : chain.FirstLength is >= LeastHeaders and <= MostHead ? chain.FirstLength : MostHead;

    /// <summary>
    /// Whether the head has all that is read of a frame before it goes on: the headers of TCP, by which it can be cut into segments.
    /// </summary>
    /// <param name="chain">The sender's requests.</param>
    /// <param name="frame">The frame in its whole length, of which only the head is there.</param>
    /// <param name="headLength">The length of the head, in bytes.</param>
    public static bool IsReadable(TransmitChain chain, ReadOnlySpan<byte> frame, int headLength) =>
        TcpSegments.TryRead(frame, chain.SegmentSize, out TcpSegments segments)
        && segments.HeaderLength <= headLength
        && segments.IsIPv6 == (chain.SegmentKind == SegmentKind.TcpV6);

    /// <summary>Plans the copies of the frame, of which each fills the beginning of one page of the receiver.</summary>
    /// <param name="parts">Room for <see cref="MostParts"/>.</param>
    /// <returns>How many there are; 0 if they would be too many.</returns>
    public int Plan(Span<GrantTransfer> parts)
    {
        parts[0] = new() { IsFromBuffer = true, Length = Head.Length };
        int rest = _chain.PlanTransfers(parts[1..MostParts], Head.Length);
        return rest == 0 ? 0 : rest + 1;
    }
}
