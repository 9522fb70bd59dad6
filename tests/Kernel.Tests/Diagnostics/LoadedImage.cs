using System.Buffers.Binary;
using System.Diagnostics;

namespace Xenlet.Kernel.Tests.Diagnostics;

/// <summary>An ELF file of this very process, laid out in <see cref="ProbeMemory"/> at the addresses its program headers name.</summary>
internal sealed class LoadedImage
{
    private const uint PT_LOAD = 1;
    private const uint PT_GNU_EH_FRAME = 0x6474e550;

    public LoadedImage(string file)
    {
        File = file;
        byte[] bytes = System.IO.File.ReadAllBytes(file);
        int headers = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(32));
        int size = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(54));
        int count = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(56));
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> header = bytes.AsSpan(headers + i * size, size);
            uint type = BinaryPrimitives.ReadUInt32LittleEndian(header);
            int offset = (int)BinaryPrimitives.ReadUInt64LittleEndian(header[8..]);
            ulong address = BinaryPrimitives.ReadUInt64LittleEndian(header[16..]);
            int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(header[32..]);
            if (type == PT_LOAD)
            {
                Segments.Add((address, bytes[offset..(offset + length)]));
            }
            else if (type == PT_GNU_EH_FRAME)
            {
                EhFrameHeader = address;
            }
        }

        Assert.NotEqual(0ul, EhFrameHeader);
    }

    public string File { get; }

    public ulong EhFrameHeader { get; }

    public List<(ulong Address, byte[] Bytes)> Segments { get; } = [];

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
