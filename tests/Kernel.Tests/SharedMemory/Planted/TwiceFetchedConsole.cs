
namespace Xenlet.Kernel.Tests.SharedMemory.Planted;

/// <summary>
/// A copy of the way <see cref="ConsoleRing"/> reads, with one fault: it checks the back end's index, and uses what it reads anew.
/// </summary>
internal sealed unsafe class TwiceFetchedConsole(nint page)
{
    private readonly xencons_interface* _page = (xencons_interface*)page;
    private uint _consumed = Volatile.Read(ref ((xencons_interface*)page)->in_cons);

    public int Read(byte* data, int length)
    {
        if (Volatile.Read(ref _page->in_prod) - _consumed > xencons_interface.InputSize)
        {
            return 0;
        }

        uint count = Math.Min(Volatile.Read(ref _page->in_prod) - _consumed, (uint)length);
        for (uint i = 0; i < count; i++)
        {
            data[i] = _page->input[(_consumed + i) & (xencons_interface.InputSize - 1)];
        }

        _consumed += count;
        Volatile.Write(ref _page->in_cons, _consumed);
        return (int)count;
    }
}
