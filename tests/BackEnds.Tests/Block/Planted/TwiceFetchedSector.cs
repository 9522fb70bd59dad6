using System.Runtime.CompilerServices;
using Xenlet.Drivers.Tests;

namespace Xenlet.BackEnds.Tests.Block.Planted;

/// <summary>
/// The fault that <see cref="ChangingRequestsTests"/> has to catch: a request is checked in the ring, and then read again.
/// </summary>
internal static class TwiceFetchedSector
{
    private const int HeaderSize = 64;

    public static void Serve(TestPage ring, IBlockStore store)
    {
        ref BlockRequest request = ref Unsafe.As<byte, BlockRequest>(ref ring.Bytes[HeaderSize]);
        if (request.Sector < (ulong)(store.Length / BlockProtocol.Unit))
        {
            _ = store.ReadAsync((long)request.Sector * BlockProtocol.Unit, new byte[BlockProtocol.Unit]);
        }
    }
}
