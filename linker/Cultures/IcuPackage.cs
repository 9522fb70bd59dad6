using System.Buffers.Binary;
using System.Text;

namespace Xenlet.Linker.Cultures;

/// <summary>
/// ICU's data in one piece (format "CmnD" of icu4c's ucmndata.h): a header whose first 16 bits are its length; behind it a table, the
/// number of items and for each the offsets of its name and its data, 32 bits each and from the table; then names, and the items in the
/// order of their names, aligned to 16 bytes. ICU finds an item by a binary search of the names.
/// </summary>
/// <param name="header">The header.</param>
/// <param name="prefix">What the names of all items begin with, such as <c>icudt72l/</c>.</param>
/// <param name="items">The items by their names without the prefix.</param>
internal sealed class IcuPackage(byte[] header, string prefix, IReadOnlyDictionary<string, ReadOnlyMemory<byte>> items)
{
    private const int Alignment = 16;

    /// <summary>The items by their names.</summary>
    public IReadOnlyDictionary<string, ReadOnlyMemory<byte>> Items => items;

    /// <summary>Reads a package.</summary>
    /// <param name="package">Its bytes.</param>
    /// <exception cref="InvalidDataException">It is no package for this machine.</exception>
    public static IcuPackage Read(byte[] package)
    {
        // Length, magic numbers, then UDataInfo of udata.h: its size, a reserved word, byte order, character set, size of a character.
        if (package.Length < 32 || package[2] != 0xda || package[3] != 0x27 || package[8] != 0
            || !package.AsSpan(12, 4).SequenceEqual("CmnD"u8))
        {
            throw new InvalidDataException("ICU's data are not in the form that is known (CmnD, little-endian)");
        }

        int table = BinaryPrimitives.ReadUInt16LittleEndian(package);
        int count = Word(table);
        SortedDictionary<string, ReadOnlyMemory<byte>> items = new(StringComparer.Ordinal);
        string prefix = "";
        for (int i = 0; i < count; i++)
        {
            int start = table + Word(table + 8 + (8 * i));
            int end = i + 1 < count ? table + Word(table + 8 + (8 * (i + 1))) : package.Length;
            string name = NameAt(table + Word(table + 4 + (8 * i)));
            prefix = name[..(name.IndexOf('/', StringComparison.Ordinal) + 1)];
            items.Add(name[prefix.Length..], package.AsMemory(start..end));
        }

        return new(package[..table], prefix, items);

        int Word(int offset) => BinaryPrimitives.ReadInt32LittleEndian(package.AsSpan(offset));

        string NameAt(int offset) => Encoding.ASCII.GetString(package.AsSpan(offset, package.AsSpan(offset).IndexOf((byte)0)));
    }

    /// <summary>The same package with other items.</summary>
    /// <param name="others">The items by their names.</param>
    public IcuPackage With(IReadOnlyDictionary<string, ReadOnlyMemory<byte>> others) => new(header, prefix, others);

    /// <summary>Writes the package.</summary>
    public byte[] Write()
    {
        string[] names = [.. items.Keys.Order(StringComparer.Ordinal)];
        using MemoryStream package = new();
        package.Write(header);
        package.Write(new byte[4 + (8 * names.Length)]);
        int[] nameOffsets = [.. names.Select(name =>
        {
            int offset = (int)package.Length - header.Length;
            package.Write([.. Encoding.ASCII.GetBytes(prefix + name), 0]);
            return offset;
        })];
        int[] offsets = [.. names.Select(name =>
        {
            package.Write(new byte[(Alignment - (package.Length % Alignment)) % Alignment]);
            int offset = (int)package.Length - header.Length;
            package.Write(items[name].Span);
            return offset;
        })];
        byte[] bytes = package.ToArray();
        Span<byte> table = bytes.AsSpan(header.Length);
        BinaryPrimitives.WriteInt32LittleEndian(table, names.Length);
        for (int i = 0; i < names.Length; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(table[(4 + (8 * i))..], nameOffsets[i]);
            BinaryPrimitives.WriteInt32LittleEndian(table[(8 + (8 * i))..], offsets[i]);
        }

        return bytes;
    }
}
