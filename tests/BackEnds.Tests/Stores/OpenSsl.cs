using System.Runtime.InteropServices;

namespace Xenlet.BackEnds.Tests.Stores;

/// <summary>XTS of this machine's OpenSSL, which nobody here wrote.</summary>
internal static partial class OpenSsl
{
    private const string Library = "libcrypto.so.3";

    /// <summary>Encrypts a sector.</summary>
    /// <param name="key">32 or 64 bytes.</param>
    /// <param name="number">The sector's number.</param>
    /// <param name="sector">Its content.</param>
    public static byte[] Encrypt(byte[] key, ulong number, ReadOnlySpan<byte> sector)
    {
        byte[] tweak = new byte[16];
        BitConverter.TryWriteBytes(tweak, number);
        byte[] encrypted = new byte[sector.Length];
        nint context = EVP_CIPHER_CTX_new();
        try
        {
            nint cipher = key.Length == 64 ? EVP_aes_256_xts() : EVP_aes_128_xts();
            Assert.Equal(1, EVP_EncryptInit_ex(context, cipher, 0, key, tweak));
            Assert.Equal(1, EVP_EncryptUpdate(context, encrypted, out int length, sector, sector.Length));
            Assert.Equal(sector.Length, length);
            return encrypted;
        }
        finally
        {
            EVP_CIPHER_CTX_free(context);
        }
    }

    [LibraryImport(Library)]
    private static partial nint EVP_CIPHER_CTX_new();

    [LibraryImport(Library)]
    private static partial void EVP_CIPHER_CTX_free(nint context);

    [LibraryImport(Library)]
    private static partial nint EVP_aes_256_xts();

    [LibraryImport(Library)]
    private static partial nint EVP_aes_128_xts();

    [LibraryImport(Library)]
    private static partial int EVP_EncryptInit_ex(nint context, nint cipher, nint engine, byte[] key, byte[] tweak);

    [LibraryImport(Library)]
    private static partial int EVP_EncryptUpdate(nint context, byte[] output, out int length, ReadOnlySpan<byte> input, int count);
}
