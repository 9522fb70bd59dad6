namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>Compares bytes. The base library's comparisons may call code outside the nucleus.</summary>
internal static class Bytes
{
    public static bool AreEqual(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        if (left.Length != right.Length)
        {
            return false;
        }

        for (int i = 0; i < left.Length; i++)
        {
            if (left[i] != right[i])
            {
                return false;
            }
        }

        return true;
    }

    public static bool StartsWith(ReadOnlySpan<byte> text, ReadOnlySpan<byte> start) =>
        text.Length >= start.Length && AreEqual(text[..start.Length], start);
}
