namespace Xenlet.Linker.Domains;

/// <summary>The domain that a project requests.</summary>
internal sealed record DomainSettings
{
    /// <summary>The program's name, which is also that of its files.</summary>
    public required string Program { get; init; }

    /// <summary>The domain's name (XenletDomainName).</summary>
    public required string Name { get; init; }

    /// <summary>Path of the image on the host (XenletImagePath); empty if the user of the files decides.</summary>
    public string ImagePath { get; init; } = "";

    /// <summary>Memory in MiB (XenletMemory).</summary>
    public int Memory { get; init; } = 16;

    /// <summary>Virtual processors (XenletVCpus).</summary>
    public int VCpus { get; init; } = 1;

    /// <summary>The guest's command line in its own syntax (XenletCommandLine).</summary>
    public string CommandLine { get; init; } = "";

    /// <summary>Disks (XenletDisk).</summary>
    public IReadOnlyList<DomainDisk> Disks { get; init; } = [];

    /// <summary>Network interfaces (XenletInterface).</summary>
    public IReadOnlyList<DomainInterface> Interfaces { get; init; } = [];
}
