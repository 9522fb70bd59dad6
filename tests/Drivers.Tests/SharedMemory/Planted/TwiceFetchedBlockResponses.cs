namespace Xenlet.Drivers.Tests.SharedMemory.Planted;

/// <summary>
/// A copy of the way <see cref="BlockConnection"/> takes answers, with one fault: it checks the answer's id, and uses what it reads anew.
/// </summary>
internal sealed class TwiceFetchedBlockResponses(RingPages ring, BlockSlot?[] slots, uint published)
{
    private uint _taken;

    public BlockSlot? TryTake(out BlockStatus status)
    {
        status = default;
        uint producer = ring.Load(RingPages.ResponseProducer);
        if (producer - _taken > published - _taken)
        {
            throw new BrokenRingException($"rsp_prod is {producer}");
        }

        if (producer == _taken)
        {
            return null;
        }

        ring.Read(_taken, out BlockResponse response);
        ulong number = response.Id & 0xFFFF;
        if (number >= (ulong)slots.Length || slots[number] is not { Operation: not null } slot || slot.Id != response.Id)
        {
            throw new BrokenRingException($"request {response.Id:x} is not under way");
        }

        ring.Read(_taken++, out response);
        status = response.Status;
        return slots[response.Id & 0xFFFF];
    }
}
