/* SPDX-License-Identifier: Apache-2.0
 *
 * All networks, for forks.
 */
#include "network.h"

/* A ring through a head. Without it a child could find the lock of a network held by a thread
 * that does not exist there, and half a step in its weights. */
static struct fm_network networks = {.next = &networks, .previous = &networks};
static pthread_mutex_t networks_lock = PTHREAD_MUTEX_INITIALIZER;

/* Waits until no call runs and lets none begin. */
static void before_fork(void)
{
    pthread_mutex_lock(&networks_lock);
    for (fm_network *each = networks.next; each != &networks; each = each->next)
        pthread_mutex_lock(&each->lock);
}

static void after_fork_in_parent(void)
{
    for (fm_network *each = networks.next; each != &networks; each = each->next)
        pthread_mutex_unlock(&each->lock);
    pthread_mutex_unlock(&networks_lock);
}

/* The child's one thread is not the one that locked, in the eyes of some systems: begin anew.
 */
static void after_fork_in_child(void)
{
    for (fm_network *each = networks.next; each != &networks; each = each->next)
        pthread_mutex_init(&each->lock, NULL);
    pthread_mutex_init(&networks_lock, NULL);
}

static void register_fork_handlers(void)
{
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

void fm_enlist(fm_network *network)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, register_fork_handlers);
    pthread_mutex_lock(&networks_lock);
    network->next = networks.next;
    network->previous = &networks;
    networks.next->previous = network;
    networks.next = network;
    pthread_mutex_unlock(&networks_lock);
}

void fm_delist(fm_network *network)
{
    pthread_mutex_lock(&networks_lock);
    if (network->next != NULL) { /* else it was never finished */
        network->next->previous = network->previous;
        network->previous->next = network->next;
    }
    pthread_mutex_unlock(&networks_lock);
}
