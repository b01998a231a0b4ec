namespace Meshara.Core.Policy;

/// <summary>Entries that can be picked, by group: a random group, then a random entry of it, in constant time.</summary>
internal sealed class ReadyLists(Func<AddressEntry, AddressKey> groupOf)
{
    private readonly Dictionary<AddressKey, Group> _byKey = [];
    private readonly List<Group> _groups = [];

    public int Count { get; private set; }

    public void Add(AddressEntry entry)
    {
        AddressKey key = groupOf(entry);
        if (!_byKey.TryGetValue(key, out Group? group))
        {
            group = new Group(key, _groups.Count);
            _byKey.Add(key, group);
            _groups.Add(group);
        }

        entry.ReadyIndex = group.Entries.Count;
        group.Entries.Add(entry);
        Count++;
    }

    /// <summary>Takes out an entry, whose group must be the one that it was added with.</summary>
    public void Remove(AddressEntry entry)
    {
        Group group = _byKey[groupOf(entry)];
        AddressEntry last = group.Entries[^1];
        group.Entries[entry.ReadyIndex] = last;
        last.ReadyIndex = entry.ReadyIndex;
        group.Entries.RemoveAt(group.Entries.Count - 1);
        entry.ReadyIndex = -1;
        Count--;
        if (group.Entries.Count > 0)
        {
            return;
        }

        Group lastGroup = _groups[^1];
        _groups[group.Place] = lastGroup;
        lastGroup.Place = group.Place;
        _groups.RemoveAt(_groups.Count - 1);
        _byKey.Remove(group.Key);
    }

    /// <summary>One of them; there must be one.</summary>
    public AddressEntry Draw(Random random)
    {
        List<AddressEntry> entries = _groups[random.Next(_groups.Count)].Entries;
        return entries[random.Next(entries.Count)];
    }

    /// <summary>For tests: what does not agree; null: all does.</summary>
    public string? FindInconsistency()
    {
        if (_byKey.Count != _groups.Count || _groups.Sum(g => g.Entries.Count) != Count)
        {
            return "the ready lists miscount";
        }

        for (int place = 0; place < _groups.Count; place++)
        {
            Group group = _groups[place];
            if (group.Place != place || group.Entries.Count == 0 || _byKey.GetValueOrDefault(group.Key) != group)
                return $"the ready list of {group.Key} is out of place or empty";

            for (int i = 0; i < group.Entries.Count; i++)
            {
                if (group.Entries[i].ReadyIndex != i || groupOf(group.Entries[i]) != group.Key)
                    return $"{group.Entries[i].Address} is not where it says it is";
            }
        }

        return null;
    }

    private sealed class Group(AddressKey key, int place)
    {
        public AddressKey Key { get; } = key;

        public int Place { get; set; } = place;

        public List<AddressEntry> Entries { get; } = [];
    }
}
