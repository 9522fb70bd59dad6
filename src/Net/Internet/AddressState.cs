namespace Xenlet.Net;

/// <summary>What an address of an interface is good for (RFC 4862, section 5).</summary>
public enum AddressState
{
    /// <summary>Whether somebody else has it is being found out: nothing is sent from it.</summary>
    Tentative,

    /// <summary>It is used.</summary>
    Preferred,

    /// <summary>It is used by what uses it already, and chosen for nothing new.</summary>
    Deprecated,

    /// <summary>Somebody else has it: it is not used.</summary>
    Duplicate,
}
