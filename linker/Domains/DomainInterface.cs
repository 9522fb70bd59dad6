namespace Xenlet.Linker.Domains;

/// <summary>A network interface of the domain: an item XenletInterface.</summary>
/// <param name="Bridge">The name of dom0's bridge.</param>
/// <param name="Mac">Its MAC address; if it is empty, the tool stack draws one.</param>
internal sealed record DomainInterface(string Bridge, string Mac)
{
    /// <summary>Its specification for xl.</summary>
    public string ForXl => Mac.Length == 0 ? $"bridge={Bridge}" : $"mac={Mac},bridge={Bridge}";
}
