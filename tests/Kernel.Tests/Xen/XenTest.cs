using System.Text;

namespace Xenlet.Kernel.Tests.Xen;

/// <summary>A test on a fresh machine, an AMD processor below Xen with hypercalls ready.</summary>
public abstract class XenTest
{
    protected XenTest()
    {
        Machine.Reset();
        SetVendor("AuthenticAMD");
        Hypercall.Initialise();
    }

    protected static void SetVendor(string vendor)
    {
        byte[] letters = Encoding.Latin1.GetBytes(vendor);
        Machine.CpuidLeaves[(0, 0)] =
        [
            0x10,
            BitConverter.ToUInt32(letters, 0),
            BitConverter.ToUInt32(letters, 8),
            BitConverter.ToUInt32(letters, 4),
        ];
    }

    protected static string Text(ReadOnlySpan<byte> utf8) => Encoding.UTF8.GetString(utf8);

    /// <summary>Compares bytes with hexadecimal text in which "__" stands for padding, which Xen does not read.</summary>
    protected static void AssertBytes(string expected, byte[] actual)
    {
        string[] pairs = [.. expected.Replace(" ", "", StringComparison.Ordinal).Chunk(2).Select(pair => new string(pair))];
        Assert.Equal(pairs, actual.Select((value, i) => i < pairs.Length && pairs[i] == "__" ? "__" : value.ToString("x2", null)));
    }
}
