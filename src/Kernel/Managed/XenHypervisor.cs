using System.Text;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Calls;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel;

/// <summary>The nucleus's facts about the hypervisor. All but the domain id are read once.</summary>
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

    // Read again each time: a migration changes it.
    public ushort DomainId => Required.IsPresent ? Read().DomainId : default;

    private static XenFacts Required => Facts.IsPresent ? Facts : throw NucleusError.ToException(-Errno.ENODEV, What, "");

    private static XenFacts Read()
    {
        HypervisorFacts facts = default;
        long answer = NucleusSystemCall.Invoke(NucleusCall.ReadHypervisorFacts, (ulong)&facts);
        if (answer < 0)
        {
            throw NucleusError.ToException(answer, What, "asking for the hypervisor's version");
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

/// <summary>Facts about the hypervisor. Meaningless if it is not present.</summary>
internal sealed record XenFacts(bool IsPresent, Version Version, string ExtraVersion, XenFeatures Features, ushort DomainId);
