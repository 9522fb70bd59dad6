using Xenlet.QemuXen.Machine;

namespace Xenlet.QemuXen.Tests;

/// <summary>Who is notified of a machine's domains, and when dom0 is asked for a list of them.</summary>
public sealed class DomainListTests
{
    private readonly DomainList _list;
    private readonly Follower _guest = new(7);
    private int _requests;

    public DomainListTests() => _list = new(() => _requests++);

    [Fact]
    public void A_domain_that_is_followed_is_shown_the_last_list_and_each_later_one()
    {
        _list.Take([State("first")]);
        _list.Follow(_guest, _list.Releases);
        _list.Take([State("second")]);

        Assert.Equal(["first?", "second?"], _guest.Seen);
    }

    [Fact]
    public void A_domain_that_is_followed_is_told_which_lists_may_be_older_than_it()
    {
        Task refreshed = _list.RefreshAsync();
        _list.Follow(_guest, _list.Releases);
        _list.HandleReleased();
        _list.Take([State("older")]);
        _list.Take([State("later")]);

        Assert.Equal(["?", "older?", "later"], _guest.Seen);
        Assert.True(refreshed.IsCompletedSuccessfully);
    }

    [Fact]
    public void A_list_is_requested_when_a_domain_ended_while_somebody_follows_one_that_has_not()
    {
        _list.HandleIntroduced();
        _list.HandleReleased();
        Assert.Equal(0, _requests);

        _list.Follow(_guest, _list.Releases);
        _list.HandleIntroduced();
        Assert.Equal(0, _requests);

        _list.HandleReleased();
        Assert.Equal(1, _requests);
        _list.Take([]);

        _guest.IsOver = true;
        _list.HandleReleased();
        Assert.Equal(1, _requests);
    }

    [Fact]
    public void One_list_is_made_at_a_time_and_another_when_a_domain_has_ended_meanwhile()
    {
        _list.Follow(_guest, _list.Releases);
        _list.HandleReleased();
        _list.HandleReleased();
        _list.HandleReleased();
        Assert.Equal(1, _requests);

        _list.Take([]);
        Assert.Equal(2, _requests);
        _list.Take([]);
        Assert.Equal(2, _requests);
    }

    [Fact]
    public void A_list_is_requested_for_a_domain_that_may_have_ended_before_it_was_followed()
    {
        long before = _list.Releases;
        _list.HandleReleased();
        _list.Follow(_guest, before);
        Assert.Equal(1, _requests);

        // That list was requested later than the domain ended.
        _list.Follow(new Follower(8), before);
        _list.Take([]);
        Assert.Equal(1, _requests);
    }

    [Fact]
    public async Task Who_asks_for_a_list_gets_one_that_is_requested_from_then_on()
    {
        _list.Follow(_guest, _list.Releases);
        _list.HandleReleased();
        Task refreshed = _list.RefreshAsync();
        _list.Take([State("older")]);
        Assert.False(refreshed.IsCompleted, "a list was taken that had been requested before");
        Assert.Equal(2, _requests);

        _list.Take([State("later")]);
        await refreshed;
        Assert.Equal("later", _guest.Seen[^1]);
    }

    [Fact]
    public async Task A_domain_that_is_forgotten_hears_no_more_and_the_others_do()
    {
        Follower other = new(8);
        _list.Follow(_guest, _list.Releases);
        _list.Follow(other, _list.Releases);

        _list.Forget(_guest);
        _list.Take([State("late")]);
        await _list.AbandonAsync();

        Assert.Equal(["?"], _guest.Seen);
        Assert.Equal(["?", "late?", "abandoned"], other.Seen);
    }

    [Fact]
    public async Task A_domain_is_found_by_its_name_once_a_list_has_one_that_lives_and_was_never_followed()
    {
        DomainState earlier = State("guest");
        _list.Follow(_guest, _list.Releases);
        _list.Take([earlier]);

        Task<int> found = _list.FindAsync("guest");
        Assert.Equal(1, _requests);
        _list.Take([earlier, earlier with { Id = 8, IsDying = true }, earlier with { Id = 9, Name = "other" }]);
        Assert.False(found.IsCompleted, "a domain was found that was followed, is dying, or has another name");

        _list.HandleIntroduced();
        Assert.Equal(2, _requests);
        _list.Take([earlier, earlier with { Id = 10 }]);
        Assert.Equal(10, await found);
    }

    [Fact]
    public async Task Who_waits_for_a_domain_or_a_list_is_told_that_the_machine_has_ended()
    {
        Task<int> found = _list.FindAsync("guest");
        Task refreshed = _list.RefreshAsync();
        await _list.AbandonAsync();

        QemuXenException error = await Assert.ThrowsAsync<QemuXenException>(() => found);
        Assert.Contains("The machine of guest has ended", error.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<QemuXenException>(() => refreshed);
    }

    private static DomainState State(string name) => new(name, Id: 7, IsPaused: false, IsDying: false, ShutdownReason: null);

    /// <summary>Remembers the names in each list, and a question mark if it may be older than the domain.</summary>
    private sealed class Follower(int domainId) : IFollowedDomain
    {
        public int DomainId => domainId;

        public bool IsOver { get; set; }

        public List<string> Seen { get; } = [];

        public void Update(IReadOnlyList<DomainState> domains, bool mayBeOlder) =>
            Seen.Add(string.Join(' ', domains.Select(domain => domain.Name)) + (mayBeOlder ? "?" : ""));

        public Task AbandonAsync()
        {
            Seen.Add("abandoned");
            return Task.CompletedTask;
        }
    }
}
