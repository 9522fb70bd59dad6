using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Linux.Tar;

/// <summary>What extended headers say of the entry that follows them: a pax header's records, a long name of GNU tar.</summary>
internal unsafe struct PaxRecords
{
    /// <summary>The path, in the archive; null if none was given.</summary>
    public byte* Path;
    public ulong PathLength;

    public bool HasSize;
    public ulong Size;

    public bool HasTime;

    /// <summary>Nanoseconds since 1970-01-01 UTC.</summary>
    public ulong Time;

    /// <summary>Whether there was an extended header at all, behind which an entry has to follow.</summary>
    public bool IsOpen;

    /// <summary>
    /// Reads the records "LENGTH KEY=VALUE\n" of a pax header (POSIX.1-2001, "pax Extended Header"). Keys that do not change what a file
    /// is are ignored.
    /// </summary>
    /// <param name="text">The header's content.</param>
    /// <param name="length">Its length.</param>
    /// <param name="isGlobal">Whether it is for all entries that follow: such a one may say nothing that counts.</param>
    public TarProblem Read(byte* text, ulong length, bool isGlobal)
    {
        for (ulong at = 0; at < length;)
        {
            byte* record = text + at;
            ulong left = length - at;
            ulong key = 0;
            if (!TarNumbers.TryReadDecimal(record, left, ref key, out ulong size) || size > left || size <= key + 1
                || record[key] != ' ' || record[size - 1] != '\n')
            {
                return TarProblem.Record;
            }

            key++;
            ulong equals = key;
            while (equals < size && record[equals] != '=')
            {
                equals++;
            }

            if (equals == key || equals == size)
            {
                return TarProblem.Record;
            }

            TarProblem problem = Take(record + key, equals - key, record + equals + 1, size - equals - 2, isGlobal);
            if (problem != TarProblem.None)
            {
                return problem;
            }

            at += size;
        }

        return TarProblem.None;
    }

    /// <summary>Takes a name of GNU tar, which ends with a zero byte.</summary>
    public void ReadLongName(byte* text, ulong length)
    {
        Path = text;
        PathLength = length > 0 && text[length - 1] == 0 ? length - 1 : length;
    }

    private TarProblem Take(byte* key, ulong keyLength, byte* value, ulong length, bool isGlobal)
    {
        bool isPath = Is(key, keyLength, "path"u8);
        bool isSize = Is(key, keyLength, "size"u8);
        bool isTime = Is(key, keyLength, "mtime"u8);
        if ((isGlobal && (isPath || isSize || isTime)) || Begins(key, keyLength, "GNU.sparse."u8))
        {
            return TarProblem.ForeignRecord;
        }

        if ((isPath && Path != null) || (isSize && HasSize) || (isTime && HasTime))
        {
            return TarProblem.RepeatedRecord;
        }

        if (isPath)
        {
            Path = value;
            PathLength = length;
        }
        else if (isSize)
        {
            HasSize = true;
            ulong at = 0;
            return TarNumbers.TryReadDecimal(value, length, ref at, out Size) && at == length ? TarProblem.None : TarProblem.Record;
        }
        else if (isTime)
        {
            HasTime = true;
            return TarNumbers.ReadTime(value, length, out Time);
        }

        return TarProblem.None;
    }

    private static bool Is(byte* key, ulong length, ReadOnlySpan<byte> name) =>
        length == (ulong)name.Length && Begins(key, length, name);

    private static bool Begins(byte* key, ulong length, ReadOnlySpan<byte> name) =>
        length >= (ulong)name.Length && Bytes.AreEqual(new ReadOnlySpan<byte>(key, name.Length), name);
}
