using System.Diagnostics;
using Xenlet.Elf;

namespace Xenlet.Kernel.Tests.Diagnostics;

/// <summary>An ELF file of this very process, laid out in <see cref="ProbeMemory"/> at the addresses its program headers name.</summary>
internal sealed class LoadedImage
{
    public LoadedImage(string file)
    {
        File = file;
        ElfReader elf = new(System.IO.File.ReadAllBytes(file), file);
        Segments = [.. elf.Segments.Where(segment => segment.Type == ElfSegment.Load)
            .Select(segment => (segment.Address, elf.Contents(segment).ToArray()))];
        EhFrameHeader = elf.Segments.First(segment => segment.Type == ElfSegment.EhFrameHeader).Address;
        Assert.NotEqual(0ul, EhFrameHeader);
    }

    public string File { get; }

    public ulong EhFrameHeader { get; }

    /// <summary>What it says about frames: all of it is DWARF's.</summary>
    public unsafe UnwindTables Tables => new(EhFrameHeader, null);

    public List<(ulong Address, byte[] Bytes)> Segments { get; }

    /// <summary>Finds a library that this process has loaded.</summary>
    public static LoadedImage OfModule(string name)
    {
        using Process process = Process.GetCurrentProcess();
        return new LoadedImage(process.Modules.Cast<ProcessModule>().First(module => module.ModuleName == name).FileName);
    }

    public void Map()
    {
        ProbeMemory.Reset();
        foreach ((ulong address, byte[] bytes) in Segments)
        {
            ProbeMemory.Map(address, bytes);
        }
    }
}
