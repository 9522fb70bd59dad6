namespace Xenlet.Linker.Files;

/// <summary>Encryption of a PKCS #12 file by algorithms that OpenSSL 3 has in its legacy provider alone.</summary>
public static class LegacyEncryption
{
    /// <summary>pkcs-12PbeIds of RFC 7292, appendix C, as DER: 1.2.840.113549.1.12.1. Their last part is the algorithm.</summary>
    private static ReadOnlySpan<byte> Identifiers => [0x06, 0x0a, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01];

    /// <summary>Looks for the algorithm, which is not itself encrypted.</summary>
    /// <param name="file">The file.</param>
    /// <returns>Its name; null if it is one that OpenSSL always has.</returns>
    public static string? Find(ReadOnlySpan<byte> file)
    {
        for (int at; (at = file.IndexOf(Identifiers)) >= 0;)
        {
            file = file[(at + Identifiers.Length)..];
            switch (file)
            {
                case [1 or 2, ..]:
                    return "RC4";
                case [5 or 6, ..]:
                    return "RC2";
            }
        }

        return null;
    }
}
