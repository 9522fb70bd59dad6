namespace Xenlet.XenStoreRing.Client;

/// <summary>
/// Requests that wait to be sent, first in, first out. They are linked through themselves, so the queue allocates nothing.
/// </summary>
internal struct RequestQueue
{
    private Request? _first;
    private Request? _last;

    public readonly Request? First => _first;

    public void Add(Request request)
    {
        request.Next = null;
        if (_last is null)
        {
            _first = request;
        }
        else
        {
            _last.Next = request;
        }

        _last = request;
    }

    public void AddFirst(Request request)
    {
        request.Next = _first;
        _first = request;
        _last ??= request;
    }

    public void Remove(Request request)
    {
        Request? before = null;
        for (Request? at = _first; at is not null; before = at, at = at.Next)
        {
            if (at != request)
            {
                continue;
            }

            if (before is null)
            {
                _first = at.Next;
            }
            else
            {
                before.Next = at.Next;
            }

            if (_last == at)
            {
                _last = before;
            }

            at.Next = null;
            return;
        }
    }
}
