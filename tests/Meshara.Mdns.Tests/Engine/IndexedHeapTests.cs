using FsCheck;
using FsCheck.Fluent;
using Meshara.Mdns.Engine;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Mdns.Tests.Engine;

public sealed class IndexedHeapTests
{
    [Fact]
    public void Set_AndRemove_AnySequence_FirstAndSecondAreThoseOfASortedList() =>
        Prop.ForAll(Gen.Choose(0, int.MaxValue).ArrayOf().Resize(200).ToArbitrary(), script =>
        {
            IndexedHeap<Item> heap = new();
            Item[] items = [.. Enumerable.Range(0, 12).Select(_ => new Item())];
            foreach (int step in script)
            {
                Item item = items[step % items.Length];
                if (step / 12 % 4 == 0)
                    heap.Remove(item);
                else
                    heap.Set(item, step / 48 % 9);

                Item[] sorted = [.. items.Where(i => i.Place >= 0).OrderBy(i => (i.Key, i.Order))];
                Assert.Equal(sorted.Length, heap.Count);
                Assert.Same(sorted.FirstOrDefault(), heap.First);
                Assert.Same(sorted.Skip(1).FirstOrDefault(), heap.Second);
            }
        }).Check(Seeded.Config.WithMaxTest(500));

    private sealed class Item : HeapItem
    {
    }
}
