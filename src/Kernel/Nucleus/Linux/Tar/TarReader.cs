using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Linux.Tar;

/// <summary>A file or directory of an archive.</summary>
internal unsafe struct TarEntry
{
    public TarPath Path;
    public bool IsDirectory;

    /// <summary>The content, in the archive.</summary>
    public byte* Content;
    public ulong Length;

    /// <summary>Nanoseconds since 1970-01-01 UTC.</summary>
    public ulong Modified;
}

/// <summary>
/// Reads a tar archive in memory: ustar, with pax headers and long names of GNU tar. Whoever wrote it is not trusted: nothing outside the
/// archive is read, and what is not understood is refused. Paths are given as they are, and are the caller's to check.
/// </summary>
internal unsafe struct TarReader
{
    private readonly byte* _start;
    private readonly ulong _length;
    private ulong _position;

    public TarReader(byte* start, ulong length)
    {
        _start = start;
        _length = length;
    }

    /// <summary>Entries begun, the one with a problem included.</summary>
    public uint Count { get; private set; }

    /// <summary>Goes to the next entry.</summary>
    /// <param name="entry">The entry; its path as far as it was read, if there is a problem.</param>
    /// <param name="isEnd">Whether there is none.</param>
    public TarProblem Next(out TarEntry entry, out bool isEnd)
    {
        entry = default;
        isEnd = false;
        PaxRecords records = default;
        Count++;
        while (true)
        {
            if (_length - _position < TarHeader.Size)
            {
                return TarProblem.NoEnd;
            }

            TarHeader* header = (TarHeader*)(_start + _position);
            if (IsEmpty((byte*)header))
            {
                entry.Path = new() { Name = records.Path, NameLength = records.PathLength };
                isEnd = !records.IsOpen && _length - _position >= 2 * TarHeader.Size && IsEmpty((byte*)(header + 1));
                return records.IsOpen ? TarProblem.NoEntry : isEnd ? TarProblem.None : TarProblem.NoEnd;
            }

            TarProblem problem = CheckHeader(header);
            if (problem == TarProblem.None)
            {
                bool isExtension = header->Type is (byte)'x' or (byte)'g' or (byte)'L';
                if (!isExtension)
                {
                    SetPath(header, in records, ref entry.Path);
                    return ReadEntry(header, in records, ref entry);
                }

                problem = ReadExtension(header, ref records);
            }

            if (problem != TarProblem.None)
            {
                entry.Path = new() { Name = records.Path, NameLength = records.PathLength };
                return problem;
            }
        }
    }

    private static bool IsEmpty(byte* block)
    {
        for (int i = 0; i < TarHeader.Size; i++)
        {
            if (block[i] != 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The sum of the header's bytes, those of the checksum itself taken as blanks.</summary>
    private static TarProblem CheckHeader(TarHeader* header)
    {
        if (!IsPosix(header) && !Bytes.AreEqual(new ReadOnlySpan<byte>(header->Magic, 8), "ustar  \0"u8))
        {
            return TarProblem.NoHeader;
        }

        if (!TarNumbers.TryRead(header->Checksum, TarHeader.ChecksumSize, out ulong stored, out bool isNegative) || isNegative)
        {
            return TarProblem.Number;
        }

        ulong sum = 0;
        for (int i = 0; i < TarHeader.Size; i++)
        {
            sum += ((byte*)header)[i];
        }

        for (int i = 0; i < TarHeader.ChecksumSize; i++)
        {
            sum = sum + ' ' - header->Checksum[i];
        }

        return sum == stored ? TarProblem.None : TarProblem.Checksum;
    }

    private static bool IsPosix(TarHeader* header) => Bytes.AreEqual(new ReadOnlySpan<byte>(header->Magic, 6), "ustar\0"u8);

    private static void SetPath(TarHeader* header, in PaxRecords records, ref TarPath path)
    {
        if (records.Path != null)
        {
            path.Name = records.Path;
            path.NameLength = records.PathLength;
            return;
        }

        path.Name = header->Name;
        path.NameLength = TextLength(header->Name, TarHeader.NameSize);
        if (IsPosix(header))
        {
            path.Prefix = header->Prefix;
            path.PrefixLength = TextLength(header->Prefix, TarHeader.PrefixSize);
        }
    }

    private static ulong TextLength(byte* text, int most)
    {
        int length = 0;
        while (length < most && text[length] != 0)
        {
            length++;
        }

        return (ulong)length;
    }

    /// <summary>Takes the content that follows a header, and goes behind it.</summary>
    private TarProblem TakeContent(TarHeader* header, bool hasSize, ref ulong size, out byte* content)
    {
        content = (byte*)(header + 1);
        if (!hasSize && (!TarNumbers.TryRead(header->Length, TarHeader.NumberSize, out size, out bool isNegative) || isNegative))
        {
            return TarProblem.Number;
        }

        ulong room = _length - _position - TarHeader.Size;
        ulong rest = (TarHeader.Size - (size % TarHeader.Size)) % TarHeader.Size;
        if (size > room || rest > room - size)
        {
            return TarProblem.Truncated;
        }

        _position += TarHeader.Size + size + rest;
        return TarProblem.None;
    }

    private TarProblem ReadExtension(TarHeader* header, ref PaxRecords records)
    {
        ulong size = 0;
        TarProblem problem = TakeContent(header, hasSize: false, ref size, out byte* content);
        if (problem != TarProblem.None)
        {
            return problem;
        }

        bool isGlobal = header->Type == (byte)'g';
        if (records.IsOpen)
        {
            // Readers differ in what two of them mean.
            return TarProblem.NoEntry;
        }

        records.IsOpen = !isGlobal;
        if (header->Type != (byte)'L')
        {
            return records.Read(content, size, isGlobal);
        }

        records.ReadLongName(content, size);
        return TarProblem.None;
    }

    private TarProblem ReadEntry(TarHeader* header, in PaxRecords records, ref TarEntry entry)
    {
        TarProblem problem = CheckType(header->Type);
        if (problem != TarProblem.None)
        {
            return problem;
        }

        entry.IsDirectory = header->Type == (byte)'5';
        entry.Modified = records.Time;
        if (!records.HasTime)
        {
            if (!TarNumbers.TryRead(header->Modified, TarHeader.NumberSize, out ulong seconds, out _))
            {
                return TarProblem.Number;
            }

            problem = TarNumbers.ToNanoseconds(seconds, fraction: 0, out entry.Modified);
            if (problem != TarProblem.None)
            {
                return problem;
            }
        }

        entry.Length = records.Size;
        problem = TakeContent(header, records.HasSize, ref entry.Length, out entry.Content);
        return problem == TarProblem.None && entry.IsDirectory && entry.Length > 0 ? TarProblem.DirectoryWithContent : problem;
    }

    private static TarProblem CheckType(byte type)
    {
        switch (type)
        {
            case 0 or (byte)'0' or (byte)'5':
                return TarProblem.None;
            case (byte)'1' or (byte)'2' or (byte)'K':
                return TarProblem.Link;
            case (byte)'3' or (byte)'4' or (byte)'6':
                return TarProblem.Device;
            case (byte)'S':
                return TarProblem.Sparse;
            default:
                return TarProblem.Kind;
        }
    }
}
