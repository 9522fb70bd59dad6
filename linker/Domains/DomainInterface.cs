namespace Xenlet.Linker.Domains;

/// <summary>A network interface of the domain: the item XenletInterface.</summary>
/// <param name="Bridge">Name of dom0's bridge.</param>
/// <param name="Mac">Its address; where it is empty, the tool stack draws one.</param>
internal sealed record DomainInterface(string Bridge, string Mac)
{
    /// <summary>What xl is told of it.</summary>
    public string ForXl => Mac.Length == 0 ? $"bridge={Bridge}" : $"mac={Mac},bridge={Bridge}";
}
