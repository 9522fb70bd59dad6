namespace Xenlet.Net.Wire;

/// <summary>What a packet's extension headers say about the packet.</summary>
internal enum IPv6ChainResult
{
    /// <summary>They are fine: what they lead to follows.</summary>
    Whole,

    /// <summary>The packet is dropped without a word.</summary>
    Discard,

    /// <summary>The packet is dropped, and its sender told where the problem is.</summary>
    ParameterProblem,
}
