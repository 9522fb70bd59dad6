namespace Xenlet.BackEnds.Net.Filter;

/// <summary>What the filter does with a frame, as far as the frame alone says it.</summary>
internal enum PacketKind
{
    /// <summary>It makes no sense, or the filter cannot look into it.</summary>
    Malformed,

    /// <summary>It belongs to the link: ARP, and what neighbours say to each other in IPv6. It passes.</summary>
    Link,

    /// <summary>As <see cref="Link"/>, but only a router sends it: it passes from outside.</summary>
    Router,

    /// <summary>It has a whole packet.</summary>
    Whole,

    /// <summary>It has the first fragment of a packet, with all headers.</summary>
    FirstFragment,

    /// <summary>It has another fragment of a packet.</summary>
    LaterFragment,
}
