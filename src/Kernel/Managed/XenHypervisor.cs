using System.Text;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Calls;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel;

/// <summary>What the nucleus knows of the hypervisor. All but the domain id stays as it was at the first question.</summary>
internal sealed unsafe class XenHypervisor : IHypervisor
{
    private const string What = "facts of the hypervisor";

    private static readonly Lazy<XenFacts> LoadedFacts = new(Read);

    /// <summary>The facts as they were first read.</summary>
    public static XenFacts Facts => LoadedFacts.Value;

    public bool IsPresent => Facts.IsPresent;

    public Version Version => Required.Version;

    public string ExtraVersion => Required.ExtraVersion;

    public XenFeatures Features => Required.Features;

    // Read anew: a migration changes it.
    public ushort DomainId => Required.IsPresent ? Read().DomainId : default;

    private static XenFacts Required => Facts.IsPresent ? Facts : throw NucleusAnswer.Error(-Errno.ENODEV, What, "");

    private static XenFacts Read()
    {
        HypervisorFacts facts = default;
        long answer = NucleusGate.Call(NucleusCall.ReadHypervisorFacts, (ulong)&facts);
        if (answer < 0)
        {
            throw NucleusAnswer.Error(answer, What, "asking for the hypervisor's version");
        }

        ReadOnlySpan<byte> extra = new(facts.ExtraVersion, XenVersion.XEN_EXTRAVERSION_LEN);
        int end = extra.IndexOf((byte)0);
        return new XenFacts(
            facts.IsPresent != 0,
            new Version((int)(facts.Version >> 16), (int)(facts.Version & 0xffff)),
            Encoding.ASCII.GetString(end < 0 ? extra : extra[..end]),
            (XenFeatures)facts.Features,
            (ushort)facts.DomainId);
    }
}

/// <summary>Facts of the hypervisor; without meaning when it is not present.</summary>
internal sealed record XenFacts(bool IsPresent, Version Version, string ExtraVersion, XenFeatures Features, ushort DomainId);
